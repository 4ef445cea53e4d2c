from django.urls import path

from cases.views import (
    details,
    enrolling,
    escalations,
    file,
    letters,
    measures,
    taking_up,
)

app_name = "cases"
urlpatterns = [
    # Take up
    path("take-up/", taking_up.take_up, name="take_up"),
    path("open-quarantine/", taking_up.open_quarantine, name="open_quarantine"),
    # A person, region by region
    path("people/<uuid:pk>/header/", file.header, name="header"),
    path("people/<uuid:pk>/escalations/", file.escalations, name="escalations"),
    path("people/<uuid:pk>/orders/", file.orders, name="orders"),
    path("people/<uuid:pk>/details/", file.details, name="details"),
    path("people/<uuid:pk>/enrolment/", file.enrolment, name="enrolment"),
    path("people/<uuid:pk>/calls/", file.calls, name="calls"),
    path("people/<uuid:pk>/comments/", file.comments, name="comments"),
    path("people/<uuid:pk>/letters/", file.letters, name="person_letters"),
    path("people/<uuid:pk>/history/", file.history, name="history"),
    # A person, step by step
    path("people/<uuid:pk>/take-up/", taking_up.take_up, name="take_up_person"),
    path(
        "people/<uuid:pk>/open-quarantine/",
        taking_up.open_quarantine,
        name="open_quarantine_person",
    ),
    path("people/<uuid:pk>/edit/", details.edit_details, name="edit_details"),
    path("people/<uuid:pk>/death/", details.record_death, name="record_death"),
    path("people/<uuid:pk>/invite/", enrolling.invite, name="invite"),
    path("people/<uuid:pk>/by-phone/", enrolling.by_phone, name="by_phone"),
    path("people/<uuid:pk>/call/", file.record_call, name="record_call"),
    path("people/<uuid:pk>/comment/", file.write_comment, name="write_comment"),
    # A case
    path("<uuid:pk>/edit/", details.edit_case, name="edit_case"),
    path("<uuid:pk>/hospital/", details.hospital, name="hospital"),
    # A monitoring and its orders
    path("monitorings/<uuid:pk>/issue/", measures.issue, name="issue"),
    path("monitorings/<uuid:pk>/extend/", measures.extend, name="extend"),
    path("monitorings/<uuid:pk>/shorten/", measures.shorten, name="shorten"),
    path("monitorings/<uuid:pk>/lift/", measures.lift, name="lift"),
    path("monitorings/<uuid:pk>/conclude/", measures.conclude, name="conclude"),
    path("monitorings/<uuid:pk>/reopen/", measures.reopen, name="reopen"),
    path("orders/<uuid:pk>/serve/", measures.serve, name="serve"),
    path("orders/<uuid:pk>/letter/", measures.write_order, name="write_order"),
    path(
        "monitorings/<uuid:pk>/certificate/",
        measures.write_release,
        name="write_release",
    ),
    # Letters
    path("letters/", letters.letters, name="letters"),
    path("letters/print/", letters.open_run, name="open_run"),
    path("letterhead/", letters.logo, name="logo"),
    path("letterhead/picture/", letters.logo_picture, name="logo_picture"),
    path("letterhead/sample/", letters.sample, name="letter_sample"),
    path("letters/<uuid:pk>/print/", letters.print_letter, name="print_letter"),
    path(
        "letters/<uuid:pk>/withdraw/", letters.withdraw_letter, name="withdraw_letter"
    ),
    path("letters/runs/<uuid:pk>/", letters.print_run, name="print_run"),
    path("letters/runs/<uuid:pk>/pdf/", letters.print_pdf, name="print_pdf"),
    path("letters/runs/<uuid:pk>/posted/", letters.post_run, name="post_run"),
    path("letters/runs/<uuid:pk>/put-back/", letters.put_back_run, name="put_back_run"),
    # An escalation
    path("escalations/<uuid:pk>/settle/", escalations.settle, name="settle"),
    path("escalations/<uuid:pk>/snooze/", escalations.snooze, name="snooze"),
    path("escalations/<uuid:pk>/wake/", escalations.wake, name="wake"),
    path("escalations/<uuid:pk>/undo/", escalations.undo, name="undo"),
    path("escalations/<uuid:pk>/claim/", escalations.claim, name="claim"),
]
