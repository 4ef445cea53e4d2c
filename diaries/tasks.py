"""What the timetable runs each quarter of an hour."""

from celery import shared_task

from cases.tasks import open_monitorings
from diaries import endings, escalation, planning
from health_authorities.tasks import authority_task, in_authorities_with
from quarano import clock


@authority_task
def remind() -> None:
    planning.send_due(now=clock.now())


@authority_task
def escalate_missed() -> None:
    escalation.escalate_missed(now=clock.now())


@authority_task
def end() -> None:
    endings.end_due(now=clock.now())


@shared_task(ignore_result=True)
def remind_all() -> None:
    in_authorities_with(open_monitorings, remind)


@shared_task(ignore_result=True)
def escalate_missed_all() -> None:
    in_authorities_with(open_monitorings, escalate_missed)


@shared_task(ignore_result=True)
def end_all() -> None:
    in_authorities_with(open_monitorings, end)
