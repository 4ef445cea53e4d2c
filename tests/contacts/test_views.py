import pytest
import time_machine

from cases.models import Monitoring, Person, Questionnaire
from contacts import tracing
from contacts.models import Contact, DayStatement
from diaries import pages
from quarano.audit.models import Event
from tests import world as worlds
from tests.world import DAY, NOW, TODAY


@pytest.fixture
def world(authority):
    with time_machine.travel(NOW, tick=False):
        yield worlds.build()


@pytest.fixture
def anna(world):
    return world.client(world.staff["case_worker"])


@pytest.fixture
def ida(world):
    return world.client(world.ida.user)


@pytest.fixture
def berta(world):
    """Whom Ida named yesterday; waits for an official."""
    return Contact.objects.get(met=world.ida)


def met(**said):
    return {
        "given_name": "Nils", "family_name": "Holm", "mobile": "0171 3920044",
        "days": [TODAY.isoformat()], "setting": "work", "distance": "near",
        "minutes": "60", "masks": "none",
    } | said  # fmt: skip


def reread(model, **keys):
    return model.objects.get(**keys)


# --- Officials ------------------------------------------------------------------------


def test_an_official_names_a_contact_for_several_days(world, anna):
    days = [TODAY.isoformat(), (TODAY - DAY).isoformat()]

    answer = anna.post(f"/contacts/people/{world.ida.pk}/name/", met(days=days))

    assert answer.status_code == 302
    contact = Contact.objects.get(given_name="Nils")
    assert contact.state == "accepted"
    assert contact.exposures.count() == 2


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"days": []}, "days"),
        ({"mobile": ""}, "hint"),
        ({"setting": ""}, "setting"),
        ({"minutes": "2000"}, "minutes"),
        ({"earlier": "2027-01-01"}, "earlier"),
        ({"earlier": "2026-01-01"}, "earlier"),
        ({"mobile": "0621 1234567"}, "mobile"),
    ],
)
def test_what_cannot_be_is_said_at_the_field_and_nothing_is_lost(
    world, anna, said, field
):
    answer = anna.post(f"/contacts/people/{world.ida.pk}/name/", met(**said))

    assert answer.status_code == 422
    assert field in answer.context["step"].form.errors
    assert "Holm" in answer.content.decode()
    assert not Contact.objects.filter(given_name="Nils").exists()


def test_a_known_contact_gets_a_further_day(world, anna, berta):
    said = met(known=str(berta.pk), given_name="", family_name="", mobile="")

    anna.post(f"/contacts/people/{world.ida.pk}/name/", said)

    assert berta.exposures.count() == 2
    assert Contact.objects.filter(met=world.ida).count() == 1


def test_a_list_without_anybody_leads_to_all_contacts(world, anna, berta):
    empty = anna.get("/contacts/?state=dismissed").content.decode()
    assert 'href="?state=all"' in empty
    assert "Berta Ofen" in anna.get("/contacts/?state=all").content.decode()


def test_the_file_shows_whom_a_case_met_and_where_they_stand(world, anna, berta):
    page = anna.get(f"/people/{world.ida.pk}/").content.decode()
    assert "Berta Ofen" in page
    assert "not looked at" in page

    anna.post(f"/contacts/people/{world.ida.pk}/accept/")

    page = anna.get(f"/contacts/people/{world.ida.pk}/").content.decode()
    assert "not yet told" in page
    berta.refresh_from_db()
    assert berta.state == "accepted"


def test_who_is_named_in_a_file_of_another_was_read_too(world, anna, berta):
    by = world.staff["case_worker"]
    found = tracing.take_over(berta, world.lena, by=by, now=NOW)
    assert found.person == world.lena

    assert "Lena" in anna.get(f"/people/{world.ida.pk}/").content.decode()

    opened = Event.objects.get(verb="file.opened", person=world.ida.pk)
    assert opened.shown == [world.lena.pk]
    assert "Ida" in anna.get(f"/contacts/people/{world.lena.pk}/").content.decode()
    opened = Event.objects.get(verb="file.opened", person=world.lena.pk)
    assert opened.shown == [world.ida.pk]


def test_a_contact_is_not_told_of_which_kind_they_are(world, berta):
    found = tracing.take_over(
        berta, tracing.details_of(berta), by=world.staff["case_worker"], now=NOW
    )

    (dates,) = pages.dates(found.person, now=NOW)

    labels = [row["label"] for row in dates.rows]
    assert "Last exposure (day 0)" in labels
    assert "Kind of contact" not in labels


def test_nobody_is_stored_for_a_day(world, anna):
    day = (TODAY - 3 * DAY).isoformat()

    anna.post(f"/contacts/people/{world.ida.pk}/nobody/", {"day": day})

    assert DayStatement.objects.get().day.isoformat() == day


def test_a_contact_is_taken_over_in_one_form(world, anna, berta):
    path = f"/contacts/contacts/{berta.pk}/take-over/"
    page = anna.get(path)
    assert page.context["person_form"]["given_name"].value() == "Berta"

    answer = anna.post(
        path,
        {
            "given_name": "Berta", "family_name": "Ofen", "language": "de",
            "mobile": "0171 3920088", "issue": "on", "channel": "sms",
        },
    )  # fmt: skip

    assert answer.status_code == 302
    berta.refresh_from_db()
    monitoring = berta.person.monitorings.get()
    assert berta.state == "person"
    assert monitoring.enrolment == Monitoring.Enrolment.INVITED
    assert monitoring.orders.issued().count() == 1


def test_known_people_are_offered_before_a_second_person_is_made(world, anna, berta):
    said = {
        "given_name": "Lena", "family_name": "Winter", "language": "de",
        "email": world.lena.email, "channel": "none",
    }  # fmt: skip

    answer = anna.post(f"/contacts/contacts/{berta.pk}/take-over/", said)

    assert answer.status_code == 422
    assert answer.context["known"]
    assert Person.objects.filter(family_name="Winter").count() == 1


def test_a_word_is_needed_to_dismiss(world, anna, berta):
    path = f"/contacts/contacts/{berta.pk}/dismiss/"
    assert anna.post(path, {"why": ""}).status_code == 422

    anna.post(path, {"why": "lives abroad"})

    berta.refresh_from_db()
    assert berta.dismissed_why == "lives abroad"
    anna.post(f"/contacts/contacts/{berta.pk}/bring-back/")
    berta.refresh_from_db()
    assert berta.dismissed_at is None


def test_a_contact_is_told_by_telephone(anna, berta):
    anna.post(f"/contacts/contacts/{berta.pk}/told/")

    berta.refresh_from_db()
    assert (berta.state, berta.told_at) == ("told", NOW)


def test_an_exposure_is_changed_and_withdrawn(anna, berta):
    exposure = berta.exposures.get()
    path = f"/contacts/exposures/{exposure.pk}/"
    said = {
        "day": TODAY.isoformat(), "setting": "household", "version": exposure.version,
    }  # fmt: skip
    assert anna.post(f"{path}edit/", said).status_code == 302
    assert anna.post(f"{path}edit/", said | {"setting": "care"}).status_code == 409
    exposure.refresh_from_db()
    assert (exposure.day, exposure.setting) == (TODAY, "household")

    anna.post(f"{path}withdraw/", {"why": "mixed up"})

    exposure.refresh_from_db()
    assert exposure.withdrawn_why == "mixed up"


def test_an_immunity_is_recorded_with_its_proof(world, anna):
    anna.post(
        f"/contacts/people/{world.kolja.pk}/immunity/",
        {"kind": "vaccination", "day": "2026-09-01", "dose": "2", "proof_seen": "on"},
    )

    assert world.kolja.immunities.get().proof_seen_at == NOW


def test_the_list_shows_urgent_ones_first_and_who_looked(world, anna, berta):
    tracing.accept(berta.exposures.all(), by=world.staff["case_worker"], now=NOW)
    anna.post(f"/contacts/people/{world.ida.pk}/name/", met(health_staff="yes"))

    page = anna.get("/contacts/?state=accepted")

    names = [row.contact.given_name for row in page.context["rows"]]
    assert names[:2] == ["Nils", "Berta"]
    assert world.ida.pk in Event.objects.get(verb="contacts.viewed").shown


@pytest.mark.parametrize(
    ("query", "count"),
    [("state=waiting", 1), ("state=held", 0), ("state=all&q=ofen+berta", 1),
     ("state=all&q=nobody", 0), ("setting=school", 0), ("setting=work", 1),
     ("urgent=yes", 0), ("state=nonsense&after=broken", 1)],
)  # fmt: skip
def test_the_list_is_filtered_on_the_server(anna, berta, query, count):
    assert len(anna.get(f"/contacts/?{query}").context["rows"]) == count


def test_the_list_goes_on_page_by_page(world, anna, berta, monkeypatch):
    for name in ("Nils", "Olga", "Pia"):
        anna.post(
            f"/contacts/people/{world.ida.pk}/name/",
            met(given_name=name, mobile="", hint=name),
        )
    monkeypatch.setattr("contacts.lists.LENGTH", 3)
    first = anna.get("/contacts/?state=all")
    second = anna.get(f"/contacts/?{first.context['more']}")

    seen = [r.contact.pk for p in (first, second) for r in p.context["rows"]]
    assert len(seen) == len(set(seen)) == Contact.objects.count() == 5


def test_many_are_taken_over_and_who_is_left_out_is_named(world, anna, berta):
    anna.post(
        f"/contacts/people/{world.ida.pk}/name/",
        met(given_name="", family_name="", mobile="", hint="red jacket"),
    )
    of_nobodys_list = Contact.objects.filter(event__isnull=True)
    keys = [str(pk) for pk in of_nobodys_list.values_list("pk", flat=True)]

    answer = anna.post(
        "/contacts/bulk/?state=all",
        {"contacts": keys, "do": "take_over", "issue": "on"},
        follow=True,
    )

    page = answer.content.decode()
    assert "1 contact taken over." in page
    assert "red jacket: A name is needed" in page
    berta.refresh_from_db()
    assert berta.person.monitorings.get().orders.issued().exists()


def test_nothing_checked_is_said(anna, berta):
    answer = anna.post("/contacts/bulk/", {"do": "accept"}, follow=True)

    assert "Check at least one contact." in answer.content.decode()


# --- Citizens -------------------------------------------------------------------------


def test_a_citizen_names_somebody_for_a_day(world, ida):
    answer = ida.post(f"/contacts/mine/{world.ida.pk}/name/", met())

    assert answer.status_code == 302
    contact = Contact.objects.get(given_name="Nils")
    assert (contact.state, contact.origin) == ("named", "citizen")


def test_a_citizen_is_asked_for_certain_days_only(world, ida):
    said = met(days=[(TODAY - 30 * DAY).isoformat()])

    answer = ida.post(f"/contacts/mine/{world.ida.pk}/name/", said)

    assert answer.status_code == 422
    assert "Holm" in answer.content.decode()


def test_a_citizen_changes_and_takes_back(world, ida, berta):
    path = f"/contacts/mine/{world.ida.pk}/"
    said = {"given_name": "Berta", "hint": "the other baker", "version": berta.version}
    assert ida.post(f"{path}change/?contact={berta.pk}", said).status_code == 302
    berta.refresh_from_db()
    assert berta.hint == "the other baker"
    assert berta.is_changed

    exposure = berta.exposures.get()
    ida.post(f"{path}take-back/", {"exposure": str(exposure.pk)})
    exposure.refresh_from_db()
    assert not exposure.is_standing


def test_a_citizen_sees_nobody_elses_contacts(world, ida, berta):
    lena = world.client(world.lena.user)
    path = f"/contacts/mine/{world.lena.pk}/"

    assert lena.get(f"{path}change/?contact={berta.pk}").status_code == 404
    exposure = berta.exposures.get()
    gone = lena.post(f"{path}take-back/", {"exposure": str(exposure.pk)})
    assert gone.status_code == 404
    assert lena.get(f"/contacts/mine/{world.ida.pk}/").status_code == 404


def test_the_own_page_goes_day_by_day(world, ida):
    page = ida.get(f"/contacts/mine/{world.ida.pk}/").content.decode()
    assert "Berta Ofen" in page

    day = (TODAY - 3 * DAY).isoformat()
    ida.post(f"/contacts/mine/{world.ida.pk}/nobody/", {"day": day})
    page = ida.get(f"/contacts/mine/{world.ida.pk}/").content.decode()
    assert "You met nobody." in page


def test_the_enrolment_asks_whom_a_case_met(world, ida):
    monitoring = Monitoring.objects.get(person=world.ida)
    monitoring.enrolment, monitoring.enrolled_at = "registered", None
    monitoring.save()
    assert ida.get("/enrolment/continue/").headers["Location"] == "/contacts/enrolment/"
    page = ida.get("/contacts/enrolment/")
    assert "Whom did you meet?" in page.content.decode()

    ida.post("/contacts/enrolment/")

    monitoring.refresh_from_db()
    assert monitoring.enrolment == "enrolled"
    answers = reread(Questionnaire, monitoring=monitoring)
    assert answers.contacts_named_at == NOW
