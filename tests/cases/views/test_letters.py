"""The pages of letters: what waits, print runs, the picture; who may, what is kept."""

from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from cases import containment
from cases.letters import runs, writing
from cases.models import Logo, PrintRun
from quarano.accounts.models import Role
from quarano.audit.models import Event
from quarano.notifications.models import Message
from tests.cases.views.conftest import NOW, isolation, official, sign_in
from tests.letters.test_pictures import PLAIN, png

pytestmark = pytest.mark.undisturbed


def path(name, **kwargs):
    return reverse(f"cases:{name}", urlconf="quarano.urls", kwargs=kwargs)


@pytest.fixture(autouse=True)
def printers(roles):
    for role in Role.objects.exclude(code="epidemiologist"):
        role.permissions = [*role.permissions, "letters.print"]
        role.save()


@pytest.fixture
def letter(ida, anna):
    """Ida's order, written as a letter that waits."""
    ida.street, ida.postal_code, ida.city = "Uferweg 1", "70001", "Neckarfurt"
    ida.save()
    order = containment.issue(isolation(ida), by=anna, now=NOW)
    return writing.write_order(order, by=anna, now=NOW)


def here(authority, response):
    """Back in the schema that a request has left."""
    from django.db import connection

    connection.set_tenant(authority)
    return response


def test_what_waits_is_shown_and_seeing_it_is_recorded(authority, desk, ida, letter):
    page = here(authority, desk.get(path("letters"))).content.decode()
    assert "Ida Index" in page
    assert "Uferweg 1, 70001 Neckarfurt" in page
    assert Event.objects.get(verb="letters.viewed").shown == [ida.pk]


def test_a_run_is_printed_posted_and_served(authority, desk, ida, letter, anna):
    opened = here(authority, desk.post(path("open_run")))
    run = PrintRun.objects.get()
    assert opened.url == path("print_run", pk=run.pk)
    early = here(authority, desk.post(path("post_run", pk=run.pk), follow=True))
    assert "Print the letters first." in early.content.decode()
    answer = here(authority, desk.post(path("print_pdf", pk=run.pk)))
    assert answer.headers["Content-Type"] == "application/pdf"
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.content.startswith(b"%PDF")
    read = Event.objects.get(verb="letters.read")
    assert (read.shown, read.codes["letters"]) == ([ida.pk], 1)
    page = here(authority, desk.get(path("print_run", pk=run.pk))).content.decode()
    assert "Printed once, by Anna" in page
    here(authority, desk.post(path("post_run", pk=run.pk)))
    assert Message.objects.get(pk=letter.pk).state == "sent"
    file = here(authority, desk.get(ida.get_absolute_url())).content.decode()
    assert "served by post" in file
    assert "Letter posted: order" in file


def test_printing_asks_who_it_is_after_five_minutes(authority, anna, letter, now):
    browser = sign_in(anna)
    session = browser.session
    for record in session["account_authentication_methods"]:
        record["at"] -= 400
    session.save()
    run = runs.open_run(by=anna, now=NOW)
    asked = here(authority, browser.post(path("print_pdf", pk=run.pk)))
    assert asked.status_code == 302
    assert "reauthenticate" in asked.url
    run.refresh_from_db()
    assert run.prints == 0


def test_the_second_official_is_told_that_nothing_waits(
    authority, desk, oemer, letter, now
):
    here(authority, desk.post(path("open_run")))
    theirs = here(authority, sign_in(oemer).post(path("open_run"), follow=True))
    page = theirs.content.decode()
    assert "somebody else has taken them" in page
    assert "is open, taken by Anna" in page
    assert PrintRun.objects.count() == 1


def test_a_withdrawn_letter_is_named_on_its_run(authority, desk, ida, anna, letter):
    run = runs.open_run(by=anna, now=NOW)
    containment.record_death(ida, died_on=NOW.date(), by=anna, now=NOW)
    page = here(authority, desk.get(path("print_run", pk=run.pk))).content.decode()
    assert "take this letter out if it is printed" in page


def test_a_letter_is_printed_alone_or_taken_out(authority, desk, letter):
    here(authority, desk.post(path("print_letter", pk=letter.pk)))
    run = PrintRun.objects.get()
    here(authority, desk.post(path("put_back_run", pk=run.pk)))
    here(authority, desk.post(path("withdraw_letter", pk=letter.pk)))
    assert Message.objects.get(pk=letter.pk).state == "void"
    again = here(authority, desk.post(path("print_letter", pk=letter.pk)))
    assert again.status_code == 404


def test_only_printers_print_and_only_administrators_set_the_picture(
    authority, letter, anna, now
):
    figures = sign_in(official("Erik", "epidemiologist"))
    run = runs.open_run(by=anna, now=NOW)
    for address in (path("open_run"), path("print_pdf", pk=run.pk)):
        assert here(authority, figures.post(address)).status_code == 403
    assert here(authority, sign_in(anna).get(path("logo"))).status_code == 403


def test_a_run_with_somebody_protected_is_not_there_for_others(
    authority, desk, oemer, ida, letter
):
    run = runs.open_run(by=oemer, now=NOW)
    ida.protected = True
    ida.save()
    for name in ("print_run", "print_pdf", "post_run"):
        method = desk.get if name == "print_run" else desk.post
        assert here(authority, method(path(name, pk=run.pk))).status_code == 404


def test_the_invitation_by_letter_is_offered_where_there_is_an_address(
    authority, desk, ida, kolja
):
    page = here(authority, desk.get(path("invite", pk=kolja.pk))).content.decode()
    assert 'value="letter"' not in page
    ida.street, ida.city = "Uferweg 1", "Neckarfurt"
    ida.save()
    page = here(authority, desk.get(path("invite", pk=ida.pk))).content.decode()
    assert 'value="letter"' in page
    here(authority, desk.post(path("invite", pk=ida.pk), {"channel": "letter"}))
    assert Message.objects.get(channel="letter").template.endswith("invitation")


def test_orders_and_certificates_are_written_from_the_file(authority, desk, ida, anna):
    ida.street, ida.city = "Uferweg 1", "Neckarfurt"
    ida.save()
    monitoring = isolation(ida)
    order = containment.issue(monitoring, by=anna, now=NOW)
    here(authority, desk.post(path("write_order", pk=order.pk)))
    too_early = here(authority, desk.post(path("write_release", pk=monitoring.pk)))
    assert too_early.status_code == 422
    containment.lift(monitoring, reasons="well", by=anna, now=NOW)
    here(authority, desk.post(path("write_release", pk=monitoring.pk)))
    kinds = Message.objects.filter(channel="letter").values_list("template", flat=True)
    assert sorted(kind.rpartition("/")[2] for kind in kinds) == ["order", "release"]


@pytest.fixture
def ada(authority):
    Role.objects.update_or_create(
        code="administrator",
        defaults={"name": "administrator", "permissions": ["site.administer"]},
    )
    return official("Ada", "administrator")


@pytest.mark.parametrize(("content", "kind"), [(PLAIN, "svg"), (png(), "png")])
def test_the_picture_is_set_shown_harmlessly_and_taken_off(
    authority, ada, now, content, kind
):
    browser = sign_in(ada)
    file = SimpleUploadedFile("logo", content)
    here(authority, browser.post(path("logo"), {"picture": file}))
    assert bytes(Logo.objects.get().content) == content
    shown = here(authority, browser.get(path("logo_picture")))
    assert shown.content == content
    assert "default-src 'none'" in shown.headers["Content-Security-Policy"]
    assert "sandbox" in shown.headers["Content-Security-Policy"]
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    sample = here(authority, browser.get(path("letter_sample")))
    assert sample.content.startswith(b"%PDF")
    here(authority, browser.post(path("logo"), {"remove": "1"}))
    assert not Logo.objects.exists()
    verbs = Event.objects.filter(verb__startswith="logo.").order_by("at", "pk")
    assert {one.verb for one in verbs} == {"logo.set", "logo.removed"}


def test_a_picture_that_can_run_is_refused_with_a_reason(authority, ada, now):
    bad = PLAIN.replace(b"<path", b"<script/><path")
    file = BytesIO(bad)
    file.name = "logo.svg"
    response = here(authority, sign_in(ada).post(path("logo"), {"picture": file}))
    assert response.status_code == 422
    assert "turn text into paths" in response.content.decode()
    assert not Logo.objects.exists()


def test_the_file_says_on_paper_who_printed_it_and_when(authority, desk, ida):
    page = here(authority, desk.get(ida.get_absolute_url())).content.decode()
    assert "confidential · printed by Anna, 24 November 2026, 10:00" in page
