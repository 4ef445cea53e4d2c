from django.urls import path, register_converter

from diaries import views, views_file
from diaries.slots import Slot


class SlotConverter:
    """'2026-11-17-morning' in an address."""

    regex = r"\d{4}-\d{2}-\d{2}-(?:morning|evening|day)"

    def to_python(self, value: str) -> Slot:
        return Slot.from_key(value)

    def to_url(self, value: Slot) -> str:
        return value.key


register_converter(SlotConverter, "slot")

app_name = "diaries"
urlpatterns = [
    path("", views.home, name="home"),
    path("<uuid:person>/", views.today, name="today"),
    path("<uuid:person>/entry/<slot:slot>/", views.entry, name="entry"),
    path("<uuid:person>/sent/<slot:slot>/", views.sent, name="sent"),
    path("<uuid:person>/days/", views.days, name="days"),
    path("<uuid:person>/dates/", views.dates, name="dates"),
    path("<uuid:person>/dates/read/", views.read_order, name="read_order"),
    path("<uuid:person>/dates/wrong/", views.object_to, name="object"),
    path("<uuid:person>/help/", views.help_page, name="help"),
    # Officials: regions of the file, and an entry by phone.
    path("file/<uuid:pk>/diary/", views_file.diary, name="diary"),
    path("file/<uuid:pk>/ladder/", views_file.ladder, name="ladder"),
    path("file/<uuid:pk>/record/", views_file.record, name="record"),
]
