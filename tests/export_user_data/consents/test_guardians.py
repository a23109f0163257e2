"""Minors and their guardians: below 14 the guardian's word counts, and nobody else's."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from export_user_data.erasure.finding import identifiers
from export_user_data.walk import held_about, shown
from shared.gate import Erased, load_policy
from shared.injection import Point, listening
from shared.keys import keyed_id
from tests.doubles import changed
from tests.export_user_data.consents.chooser import Family, Held, cut, refused, resident
from tests.people import IDENTITY_KEY

pytestmark = pytest.mark.wire


async def consented(family: Family, person_id: str = "nora") -> set[str]:
    return set((await load_policy(family.database["people"], person_id)).consented)


async def test_a_minors_own_consent_does_not_count(family: Family) -> None:
    """From the moment that the age is said: what stood is withdrawn, and may be withdrawn by them at any time."""
    await family.move_in("nora")
    await family.consent(given=True, person_id="nora")
    family.clock.forward(minutes=1)
    ward_id = await family.attest()
    assert await consented(family) == set()
    assert [entry["given"] for entry in await family.items("consent", "nora")].count(False) == 1
    assert await refused(family.consent(given=True, person_id="nora")) == "guardian_needed"
    await family.accept(ward_id)
    assert await refused(family.consent(given=True, person_id="nora")) == "guardian_needed"
    family.clock.forward(minutes=1)
    await family.consent(given=True, by=await family.acting(ward_id))
    assert await consented(family) == {"usage_statistics"}
    family.clock.forward(minutes=1)
    await family.consent(given=False, person_id="nora")
    assert await consented(family) == set()


async def test_a_guardian_consents_in_their_name(family: Family) -> None:
    """Who did it is in the entry and in both ledgers; the ward is told."""
    access, _ = await family.register(await family.claim("nora", country="DE"))
    ward_id = await family.attest()
    await family.accept(ward_id)
    await family.consent(given=True, by=await family.acting(ward_id))
    assert await family.collected(access) == ["usage"]
    [entry] = await family.items("consent", "nora")
    assert (entry["by"], entry["guardianshipId"], entry["guardianPersonId"]) == ("guardian", ward_id, "pilar")
    assert await family.said("nora") == [
        ("age_attested", "person"),
        ("guardian_accepted", "guardian"),
        ("consent_given", "guardian"),
    ]
    assert await family.said("pilar") == [("ward_accepted", "person"), ("ward_choice_made", "person")]
    told = {template for template, _ in await family.told("nora")}
    assert {"guardian_accepted", "consent_given"} <= told
    shown_entries = [shown(held) async for held in held_about("nora", database=family.database)]
    assert not any("pilar" in str(entry) for entry in shown_entries)


async def test_a_guardian_objects_for_a_ward(family: Family) -> None:
    """The ward may object too; taking it back is the guardian's."""
    access = await family.pair("nora")
    ward_id = await family.attest()
    await family.accept(ward_id)
    by = await family.acting(ward_id)
    await family.object(by=by)
    assert await family.collected(access) == []
    assert await refused(family.withdraw("nora")) == "guardian_needed"
    family.clock.forward(minutes=1)
    assert (await family.withdraw(by=by)).objections == []
    family.clock.forward(minutes=1)
    said = await family.object("nora")
    assert [(entry.objected, entry.by) for entry in said.history] == [
        (True, "guardian"),
        (False, "guardian"),
        (True, "person"),
    ]


async def test_at_14_they_act_for_themselves(family: Family) -> None:
    """From the end of the month that the guardian named; then the guardian does no more, and what was said stands."""
    family.clock.now = datetime(2026, 4, 10, tzinfo=UTC)
    ward_id = await family.attest()
    ward = await family.accept(ward_id, month="2027-12")
    assert ward.acts_from.isoformat() == "2028-01-01"
    await family.consent(given=True, by=await family.acting(ward_id))
    family.clock.now = datetime(2027, 12, 31, 23, tzinfo=UTC)
    assert await refused(family.consent(given=True, person_id="nora")) == "guardian_needed"
    family.clock.now = datetime(2028, 1, 1, tzinfo=UTC)
    assert await refused(family.acting(ward_id)) == "ward_unknown"
    assert await family.wards() == ([], [])
    assert await consented(family) == {"usage_statistics"}
    await family.consent(given=False, person_id="nora")
    family.clock.forward(minutes=1)
    await family.consent(given=True, person_id="nora")
    assert await consented(family) == {"usage_statistics"}
    assert await refused(family.attest("tia")) == "guardian_not_needed"


async def test_only_who_was_asked_can_accept(family: Family) -> None:
    """By the verified address; a guessed id, somebody else's, and one without an address find nothing."""
    ward_id = await family.attest()
    await family.move_in("mallory")
    assert await family.wards() == ([], [ward_id])
    assert await family.wards("mallory") == ([], [])
    for guessed in (ward_id, "0" * 32):
        assert await refused(family.accept(guessed, "mallory")) == "ward_unknown"
        assert await refused(family.decline(guessed, "mallory")) == "ward_unknown"
        assert await refused(family.acting(guessed, "mallory")) == "ward_unknown"
        assert await refused(family.step_down(guessed, "mallory")) == "ward_unknown"
    assert await refused(family.acting(ward_id)) == "ward_unknown"
    await family.accept(ward_id)
    assert await family.wards() == ([ward_id], [])
    assert await refused(family.acting(ward_id, "mallory")) == "ward_unknown"
    assert await refused(family.accept(ward_id, "mallory")) == "ward_unknown"
    assert await refused(family.decline(ward_id)) == "ward_unknown"


async def test_a_guardian_of_one_is_none_of_another(family: Family) -> None:
    """Each acts for their own ward alone."""
    first, second = await family.attest(), await family.attest("jordi", "lluc")
    await family.accept(first)
    await family.accept(second, "jordi")
    assert (await family.acting(first)).person_id == "nora"
    assert (await family.acting(second, "jordi")).person_id == "lluc"
    assert await refused(family.acting(second)) == "ward_unknown"
    assert await refused(family.acting(first, "jordi")) == "ward_unknown"


async def test_nobody_is_their_own_guardian_nor_a_minor_anybodys(family: Family) -> None:
    """A ward's own address, and a guardian who is a ward."""
    assert await refused(family.attest("nora")) == "guardian_is_ward"
    assert (await family.age()).state == "none"
    ward_id = await family.attest("lluc")
    await family.attest("jordi", "lluc")
    assert await refused(family.accept(ward_id, "lluc")) == "guardian_needed"


async def test_an_invitation_runs_out(family: Family) -> None:
    """After seven days; then it may be asked anew."""
    ward_id = await family.attest()
    family.clock.forward(days=7)
    assert await family.wards() == ([], [])
    assert await refused(family.accept(ward_id)) == "ward_unknown"
    assert await refused(family.decline(ward_id)) == "ward_unknown"
    again = await family.attest()
    assert again != ward_id
    await family.accept(again)


async def test_another_address_takes_the_place_of_the_first(family: Family) -> None:
    """Who was named by mistake finds nothing, and gets no mail that was not sent yet."""
    wrong = await family.attest("mallory")
    right = await family.attest()
    assert await family.wards("mallory") == ([], [])
    assert await refused(family.accept(wrong, "mallory")) == "ward_unknown"
    assert await family.mails() == ["pilar@resident.example: You are named as a parent or guardian"]
    assert await family.mails() == []
    family.clock.forward(minutes=1)
    assert await family.attest() == right
    await family.accept(right)
    assert await refused(family.attest("mallory")) == "guardian_accepted"


async def test_the_address_goes_when_its_mail_was_sent(family: Family) -> None:
    """The invitation is found by its keyed hash from then on."""
    ward_id = await family.attest()
    key = keyed_id(IDENTITY_KEY, "email", "pilar@resident.example")
    await family.mails()
    invitation = await family.database["identities"].read(key, f"guardianship:{ward_id}")
    assert invitation is not None
    assert "sentAt" in invitation
    assert "pilar" not in str(invitation)


async def test_strangers_are_not_flooded_with_mails(family: Family) -> None:
    """Five askings a day."""
    family.clock.now = family.clock.now.replace(hour=12)
    for number in range(5):
        await family.attest(f"stranger{number}")
    assert await refused(family.attest("stranger6")) == "guardians_too_many"
    family.clock.forward(days=1)
    await family.attest("stranger6")


async def test_a_mail_of_what_was_answered_is_not_sent(family: Family) -> None:
    """Also when the answer was cut off: then the mail's worker takes the invitation away."""
    await cut(family.decline(await family.attest()), "guardians.answered")
    assert len((await family.wards())[1]) == 1
    assert await family.mails() == []
    assert await family.wards() == ([], [])
    assert (await family.age()).state == "none"


async def test_who_declines_is_asked_no_more(family: Family) -> None:
    """The minor is told, and names another."""
    ward_id = await family.attest()
    await family.decline(ward_id)
    assert ("guardian_declined", ward_id) in await family.told("nora")
    assert await refused(family.decline(ward_id)) == "ward_unknown"
    assert await refused(family.accept(ward_id)) == "ward_unknown"
    assert await refused(family.consent(given=True, person_id="nora")) == "guardian_needed"
    await family.accept(await family.attest("jordi"), "jordi")


async def test_a_guardian_steps_down(family: Family) -> None:
    """What they said stands, they say no more, and the minor names another one."""
    ward_id = await family.attest()
    await family.accept(ward_id)
    await family.consent(given=True, by=await family.acting(ward_id))
    await family.step_down(ward_id)
    assert await family.wards() == ([], [])
    assert await refused(family.acting(ward_id)) == "ward_unknown"
    assert await refused(family.step_down(ward_id)) == "ward_unknown"
    assert await consented(family) == {"usage_statistics"}
    assert ("guardian_ended", ward_id) in await family.told("nora")
    assert [action for action, _ in await family.said("pilar")][-1] == "ward_ended"
    again = await family.attest("jordi")
    await family.accept(again, "jordi")
    assert (await family.age()).state == "accepted"


async def test_a_month_that_cannot_be_is_refused(family: Family) -> None:
    """Of who is 14 already, and of who is not born."""
    ward_id = await family.attest()
    now = family.clock()
    for month in (f"{now - timedelta(days=40):%Y-%m}", f"{now.year + 15}-01"):
        assert await refused(family.accept(ward_id, month=month)) == "field_out_of_range"
    await family.accept(ward_id, month=f"{now:%Y-%m}")


async def test_an_erased_guardian_leaves_room_for_another(family: Family) -> None:
    """What made them a guardian goes with them."""
    ward_id = await family.attest()
    await family.accept(ward_id)
    await family.database["people"]._proxy.delete_item(f"ward:{ward_id}", "pilar")
    await changed(family.database["people"], "pilar", lambda policy: replace(policy, tombstone=True))
    assert await refused(family.acting(ward_id)) == "ward_unknown"
    again = await family.attest("jordi")
    await family.accept(again, "jordi")


async def test_what_an_erased_guardian_said_last_takes_effect(family: Family) -> None:
    """They were erased while it was under way."""
    access = await family.pair("nora")
    ward_id = await family.attest()
    await family.accept(ward_id)
    await cut(family.object(by=await family.acting(ward_id)), "choices.recorded")
    subject = await family.database["people"].read("pilar", "ledgerSubject")
    assert subject is not None
    await family.database["people"]._proxy.delete_item("ledgerSubject", "pilar")
    await changed(family.database["people"], "pilar", lambda policy: replace(policy, tombstone=True))
    assert await family.repair() == {"settled": 1}
    assert await family.collected(access) == []
    assert await family.items("unsettledChoice", "nora") == []


async def test_an_erased_ward_is_nobodys(family: Family) -> None:
    """Neither asked for nor acted for."""
    ward_id = await family.attest()
    await family.database["people"]._proxy.delete_item("age", "nora")
    await changed(family.database["people"], "nora", lambda policy: replace(policy, tombstone=True))
    assert await refused(family.accept(ward_id)) == "ward_unknown"
    with pytest.raises(Erased):
        await wards_consent(family)


async def wards_consent(family: Family) -> None:
    await family.consent(given=True, person_id="nora")


async def test_export_and_erasure_reach_what_is_held(family: Family) -> None:
    """The address that the minor named is shown to whose it is, and goes with either of them."""
    ward_id = await family.attest()
    await family.move_in("pilar")
    record = await family.database["people"].read("pilar", "person")
    assert record is not None
    proxy = family.database["people"]._proxy
    await proxy.replace_item("person", {**record, "contactKey": resident("pilar").contact_key})
    of_guardian = {held.record_name: shown(held) async for held in held_about("pilar", database=family.database)}
    assert of_guardian["guardianInvitation"]["email"] == "pilar@resident.example"
    of_minor = [held.record_name async for held in held_about("nora", database=family.database)]
    assert "attestedAge" in of_minor
    assert "guardianInvitation" not in of_minor
    of_nora = await identifiers({"scope": "person", "personId": "nora"}, database=family.database)
    assert of_nora["guardian"] == [[resident("pilar").contact_key, ward_id]]
    of_pilar = await identifiers({"scope": "person", "personId": "pilar"}, database=family.database)
    assert resident("pilar").contact_key in of_pilar["lookUps"]


async def test_a_consent_that_races_the_age_does_not_stand(family: Family) -> None:
    """The age was not known when it was asked for, and is when it is written."""
    await family.move_in("nora")
    held = Held("gate.read")
    with listening(held):
        consenting = asyncio.create_task(family.consent(given=True, person_id="nora"))
    await held.stopped.wait()
    await family.attest()
    held.go.set()
    assert await refused(consenting) == "guardian_needed"
    assert await consented(family) == set()
    assert await family.items("consent", "nora") == []


async def test_an_age_that_races_a_consent_withdraws_it(family: Family) -> None:
    """The consent was given between the look at what stands and the batch."""
    await family.move_in("nora")
    held = Held("gate.read")
    with listening(held):
        attesting = asyncio.create_task(family.attest())
    await held.stopped.wait()
    await family.consent(given=True, person_id="nora")
    held.go.set()
    await attesting
    assert await consented(family) == set()
    assert sorted(entry["given"] for entry in await family.items("consent", "nora")) == [False, True]


async def test_an_age_said_twice_at_once_is_said_once(family: Family) -> None:
    """One guardian is asked."""
    await family.move_in("nora")
    await asyncio.gather(*(family.attest() for _ in range(4)))
    assert len((await family.wards())[1]) == 1


ANSWERS: list[Point] = ["guardians.accepting", "guardians.answered", "guardians.told"]


@pytest.mark.parametrize("point", ANSWERS)
async def test_an_acceptance_cut_off_anywhere_is_completed_by_its_repeat(family: Family, point: Point) -> None:
    """Once in both ledgers and in the inbox; before the minor's item says so nobody acts."""
    ward_id = await family.attest()
    await cut(family.accept(ward_id), point)
    if point == "guardians.accepting":
        assert await refused(family.acting(ward_id)) == "ward_unknown"
    family.clock.forward(minutes=1)
    await family.accept(ward_id)
    assert await family.wards() == ([ward_id], [])
    assert [action for action, _ in await family.said("nora")] == ["age_attested", "guardian_accepted"]
    assert [action for action, _ in await family.said("pilar")] == ["ward_accepted"]
    assert [template for template, _ in await family.told("nora")] == ["guardian_accepted"]


@pytest.mark.parametrize("point", ANSWERS[1:])
async def test_an_end_cut_off_anywhere_is_completed_by_its_repeat(family: Family, point: Point) -> None:
    """Declined or stepped down: told once, and nothing is left of it."""
    declined = await family.attest()
    await cut(family.decline(declined), point)
    await family.decline(declined)
    ward_id = await family.attest()
    await family.accept(ward_id)
    await cut(family.step_down(ward_id), point)
    await family.step_down(ward_id)
    told = [template for template, _ in await family.told("nora")]
    assert sorted(told) == ["guardian_accepted", "guardian_declined", "guardian_ended"]
    assert await family.items("ward", "pilar") == []
    key = keyed_id(IDENTITY_KEY, "email", "pilar@resident.example")
    for stored in (declined, ward_id):
        assert await family.database["identities"].read(key, f"guardianship:{stored}") is None


async def test_an_attestation_cut_off_is_completed_by_its_repeat(family: Family) -> None:
    """The age counts at once; naming the guardian again lets the invitation out."""
    await family.move_in("nora")
    await family.consent(given=True, person_id="nora")
    await cut(family.attest(), "guardians.asked")
    assert await consented(family) == set()
    assert await family.wards() == ([], [])
    ward_id = await family.attest()
    assert await family.wards() == ([], [ward_id])
    assert await family.said("nora") == [
        ("consent_given", "person"),
        ("age_attested", "person"),
        ("consent_withdrawn", "person"),
    ]
