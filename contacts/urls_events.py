from django.urls import path

from contacts import views_events as events
from contacts import views_guest_lists as guest_lists

app_name = "events"
urlpatterns = [
    path("", events.index, name="index"),
    path("record/", events.record, name="record"),
    # An event
    path("<uuid:pk>/", events.detail, name="detail"),
    path("<uuid:pk>/edit/", events.edit, name="edit"),
    path("<uuid:pk>/discard/", events.discard, name="discard"),
    path("<uuid:pk>/cases/", events.choose_case, name="choose_case"),
    path("<uuid:pk>/cases/remove/", events.remove_case, name="remove_case"),
    path("<uuid:pk>/guests/", guest_lists.add, name="add_guests"),
    path("<uuid:pk>/host/", guest_lists.ask_host, name="ask_host"),
    # A guest list
    path("guest-lists/<uuid:pk>/", guest_lists.detail, name="guest_list"),
    path(
        "guest-lists/<uuid:pk>/columns/", guest_lists.name_columns, name="name_columns"
    ),
    path("guest-lists/<uuid:pk>/mend/", guest_lists.mend, name="mend"),
    path("guest-lists/<uuid:pk>/take-in/", guest_lists.take_in, name="take_in"),
    path("guest-lists/<uuid:pk>/undo/", guest_lists.undo, name="undo"),
    path("host-links/<uuid:pk>/end/", guest_lists.withdraw_link, name="withdraw_link"),
]
