from django.urls import path

from quarano.desk import (
    file,
    views_authority,
    views_clocks,
    views_first_hour,
    views_help,
    views_practice,
    views_search,
    views_worklist,
)

app_name = "desk"

urlpatterns = [
    path("worklist/", views_worklist.worklist, name="worklist"),
    path("worklist/clocks/", views_clocks.people, name="clocks"),
    path("worklist/settle/", views_worklist.settle_many, name="settle_many"),
    path("worklist/assign/", views_worklist.assign_many, name="assign_many"),
    path("worklist/panel/<uuid:pk>/", views_worklist.panel, name="panel"),
    path("worklist/panel/<uuid:pk>/assign/", views_worklist.assign, name="assign"),
    path("worklist/panel/<uuid:pk>/call/", views_worklist.call, name="call"),
    path(
        "worklist/escalations/<uuid:pk>/settle/", views_worklist.settle, name="settle"
    ),
    path(
        "worklist/escalations/<uuid:pk>/snooze/", views_worklist.snooze, name="snooze"
    ),
    path("worklist/escalations/<uuid:pk>/wake/", views_worklist.wake, name="wake"),
    path("worklist/escalations/<uuid:pk>/undo/", views_worklist.undo, name="undo"),
    path("first-hour/", views_first_hour.first_hour, name="first_hour"),
    path("first-hour/mark/", views_first_hour.mark, name="mark_first_hour"),
    path("practice/box/", views_practice.box, name="box"),
    path("help/words/", views_help.glossary, name="glossary"),
    path("authority/", views_authority.authority, name="authority"),
    path("people/", views_search.search, name="search"),
    path("people/<uuid:pk>/", file.person, name="person"),
]
