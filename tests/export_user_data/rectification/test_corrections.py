"""Corrections: the new value counts, the old one is blocked, everybody is told once, whoever is stopped on the way."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from pydantic import ValidationError

from export_user_data.erasure.finding import identifiers
from export_user_data.recipients.disclosure import recipients_of
from export_user_data.rectification.contract import RectificationRequest
from export_user_data.rectification.corrections import list_corrections
from register_device.devices import note_invoice, one_device
from register_device.repairs import repair
from shared.callers import Resident
from shared.cosmos import Item
from shared.errors import Problem
from shared.gate import Erased
from shared.injection import Point
from shared.people import key_of_address, person_without_account
from shared.rectifying import COMPLETED_AFTER, complete_cut_off
from tests.doubles import RecordingJournal, changed
from tests.export_user_data.rectification.conftest import Office, with_address
from tests.hosts import cut_off
from tests.people import IDENTITY_KEY

pytestmark = pytest.mark.wire

NEW = "maria@elsewhere.example"
CUTS: tuple[Point, ...] = (
    "rectification.begun",
    "rectification.blocked",
    "rectification.replaced",
    "address.contact_moved",
    "address.place_moved",
    "rectification.moved",
    "recipients.queued",
    "rectification.told",
)


async def person(office: Office, caller: Resident) -> Item:
    item = await office.database["people"].read(caller.person_id, "person")
    assert item is not None
    return item


async def known_before(office: Office) -> Resident:
    """Somebody who gave their address before they had an account, and who is invited to a device."""
    await person_without_account(
        "jordi@resident.example", database=office.database, identity_key=IDENTITY_KEY, now=office.clock()
    )
    return await office.hosts.sign_in("jordi")


async def test_the_address_follows_the_sign_in(office: Office, maria: Resident) -> None:
    """The verified one of the present token; the old one is blocked, and used for nothing."""
    moved = with_address(maria, NEW)
    done = await office.correct(moved)
    assert (done.state, done.field) == ("done", "email")
    item = await person(office, maria)
    assert (item["email"], item["contactKey"]) == (NEW, key_of_address(NEW, IDENTITY_KEY))
    [old] = await office.blocked()
    assert (old["email"], old["personId"]) == ("maria@resident.example", maria.person_id)
    assert await office.recorded(maria.person_id) == [("data_rectified", "person")]
    assert await office.told(maria) == 1


async def test_recipients_are_told_of_a_correction(office: Office, maria: Resident) -> None:
    """Who is given the address, and how they learn of it; the person sees so."""
    done = await office.correct(with_address(maria, NEW))
    found = await recipients_of(maria.person_id, database=office.database, webhooks=office.means.webhooks)
    told = {one.name: [(told.request_id, told.state) for told in one.told] for one in found.recipients}
    assert told["mail_server"] == [(done.rectification_id, "lapses")]
    assert told["sign_in_provider"] == [(done.rectification_id, "person")]


async def test_what_is_right_already_is_no_correction(office: Office, maria: Resident) -> None:
    """And a repeat of one that was made answers as before."""
    with pytest.raises(Problem, match="nothing_to_rectify"):
        await office.correct(maria)
    moved = with_address(maria, NEW)
    first = await office.correct(moved)
    office.clock.forward(hours=1)
    assert await office.correct(moved) == first
    assert await office.told(maria) == 1


async def test_a_sign_in_without_an_address_corrects_nothing(office: Office, maria: Resident) -> None:
    """Nobody vouches for what it should be."""
    with pytest.raises(Problem, match="email_not_verified"):
        await office.correct(Resident(maria.person_id, None, maria.identity_key))


async def test_there_and_back_are_two_corrections(office: Office, maria: Resident) -> None:
    """Each has what it replaced in the vault; the newest is shown first, and none with its values."""
    await office.correct(with_address(maria, NEW))
    office.clock.forward(hours=1)
    await office.correct(maria)
    assert [item["email"] for item in await office.blocked()].count(NEW) == 1
    assert len(await office.blocked()) == 2
    shown = await list_corrections(maria.person_id, database=office.database)
    assert [one.at for one in shown.rectifications] == [office.clock(), office.clock() - timedelta(hours=1)]
    assert "@" not in str(await office.stored("people", "rectification"))


@pytest.mark.parametrize("at", CUTS)
async def test_a_correction_that_was_cut_off_is_completed_by_a_repeat(
    office: Office, maria: Resident, at: Point
) -> None:
    """One value blocked, one entry, one notification, one notice each; look-up and invitation have moved."""
    jordi = await known_before(office)
    guest_id = await office.hosts.invited(maria)
    moved = with_address(jordi, NEW)
    await cut_off(at, office.correct(moved))
    done = await office.correct(moved)
    await check_moved(office, jordi, guest_id, done.rectification_id)
    assert await office.hosts.invitations(moved) == [guest_id]
    await office.hosts.accept(moved, guest_id)


@pytest.mark.parametrize("at", CUTS)
async def test_a_correction_that_was_cut_off_is_completed_by_the_timer(
    office: Office, maria: Resident, at: Point
) -> None:
    """Though nobody repeats it; and no other repair takes it for its own."""
    jordi = await known_before(office)
    guest_id = await office.hosts.invited(maria)
    await cut_off(at, office.correct(with_address(jordi, NEW)))
    assert await complete_cut_off(means=office.means, now=office.clock()) == {}
    office.clock.now += COMPLETED_AFTER
    assert not await repair(database=office.database, journal=RecordingJournal(), now=office.clock())
    assert await complete_cut_off(means=office.means, now=office.clock()) == {"completed": 1}
    [record] = await office.stored("people", "rectification")
    await check_moved(office, jordi, guest_id, record["rectificationId"])
    assert await complete_cut_off(means=office.means, now=office.clock()) == {}


async def check_moved(office: Office, jordi: Resident, guest_id: str, request_id: str) -> None:
    key = key_of_address(NEW, IDENTITY_KEY)
    assert (await person(office, jordi))["email"] == NEW
    assert [item["email"] for item in await office.blocked()] == ["jordi@resident.example"]
    assert await office.recorded(jordi.person_id) == [("data_rectified", "person")]
    assert await office.told(jordi) == 1
    assert len(await office.notices(request_id)) == 4
    contacts = await office.stored("identities", "contact")
    assert [item["key"] for item in contacts if item["personId"] == jordi.person_id] == [key]
    assert [item["key"] for item in await office.stored("identities", "invitation")] == [key]
    [place] = await office.stored("devices", "guest")
    assert (place["guestId"], place["inviteeKey"]) == (guest_id, key)
    [record] = await office.stored("people", "rectification")
    assert record.keys().isdisjoint({"value", "about", "formerKey", "pendingSince"})
    found = await identifiers({"scope": "person", "personId": jordi.person_id}, database=office.database)
    assert key in found["lookUps"]


async def test_another_wish_completes_the_first_one(office: Office, maria: Resident) -> None:
    """It was cut off; both values are blocked then."""
    await cut_off("rectification.begun", office.correct(with_address(maria, NEW)))
    await office.correct(with_address(maria, "maria@third.example"))
    assert (await person(office, maria))["email"] == "maria@third.example"
    assert sorted(item["email"] for item in await office.blocked()) == [NEW, "maria@resident.example"]


async def test_an_invitation_that_is_withdrawn_does_not_move(office: Office, maria: Resident) -> None:
    """Of an address that a person leaves nothing is left under it."""
    jordi = await office.hosts.sign_in("jordi")
    guest_id = await office.hosts.invited(maria)
    [place] = await office.stored("devices", "guest")
    await office.database["devices"].replace(
        {name: value for name, value in place.items() if name[0] != "_"} | {"state": "ended"}, place["_etag"]
    )
    await office.correct(with_address(jordi, NEW))
    assert await office.hosts.invitations(with_address(jordi, NEW)) == []
    assert [item for item in await office.stored("identities", "invitation") if item["invitationId"] == guest_id] == []


async def test_an_address_that_is_another_contacts_stays_theirs(office: Office) -> None:
    """Two people are never made one by an address."""
    jordi = await known_before(office)
    other = await person_without_account(NEW, database=office.database, identity_key=IDENTITY_KEY, now=office.clock())
    await office.correct(with_address(jordi, NEW))
    [contact] = await office.stored("identities", "contact")
    assert contact["personId"] == other


async def test_who_was_erased_corrects_nothing_any_more(office: Office, maria: Resident) -> None:
    """What was under way is left to the erasure."""
    await cut_off("rectification.begun", office.correct(with_address(maria, NEW)))
    await changed(office.database["people"], maria.person_id, lambda policy: replace(policy, tombstone=True))
    with pytest.raises(Erased):
        await office.correct(with_address(maria, NEW))
    office.clock.now += COMPLETED_AFTER
    assert await complete_cut_off(means=office.means, now=office.clock()) == {"erased": 1}


async def test_a_region_is_the_owners_to_correct(office: Office, maria: Resident) -> None:
    """The old one is blocked; neither monitor nor app undo it as long as the monitor is theirs."""
    house, device_id = office.hosts.house, office.hosts.device_id
    await house.register(await house.claim(maria.person_id, country="FR"))
    done = await office.correct(maria, field="region", deviceId=device_id, region="ES")
    assert done.state == "done"
    [old] = await office.blocked()
    assert (old["region"], old["regionSource"]) == ("FR", "app")
    await house.register(await house.claim(maria.person_id, country="PT"))
    await house.pair(maria.person_id, region="DE")
    device = await one_device(maria.person_id, device_id, database=office.database, now=office.clock())
    assert (device.region, device.region_source) == ("ES", "person")
    await house.register(await house.claim("jordi", country="PT"))
    device = await one_device("jordi", device_id, database=office.database, now=office.clock())
    assert (device.region, device.region_source) == ("PT", "app")
    with pytest.raises(Problem, match="device_not_yours"):
        await office.correct(maria, field="region", deviceId=device_id, region="FR")


async def test_a_region_is_not_corrected_for_the_next_owner(office: Office, maria: Resident) -> None:
    """The monitor changed hands while the correction was cut off."""
    house, device_id = office.hosts.house, office.hosts.device_id
    await cut_off("rectification.begun", office.correct(maria, field="region", deviceId=device_id, region="ES"))
    await house.register(await house.claim("jordi", country="PT"))
    office.clock.now += COMPLETED_AFTER
    assert await complete_cut_off(means=office.means, now=office.clock()) == {"completed": 1}
    device = await one_device("jordi", device_id, database=office.database, now=office.clock())
    assert device.region == "PT"


@pytest.mark.parametrize(
    "wanted",
    [{"field": "region"}, {"field": "region", "deviceId": "0" * 32}, {"field": "email", "region": "ES"}, {}],
)
def test_a_request_is_whole(wanted: dict[str, str]) -> None:
    """A region has a device and a country, and an address neither."""
    with pytest.raises(ValidationError):
        RectificationRequest.model_validate(wanted)


async def test_the_first_invoice_is_no_correction(office: Office, maria: Resident) -> None:
    """A second one is, and so is taking it back; the warranty is counted from what counts then."""
    device_id = office.hosts.device_id

    async def note(day: date | None) -> str | None:
        device = await note_invoice(maria.person_id, device_id, day, means=office.means, now=office.clock())
        return device.warranty.basis if device.warranty else None

    assert await note(date(2026, 1, 2)) == "invoice"
    assert await office.told(maria) == 0
    assert await note(date(2026, 2, 3)) == "invoice"
    assert await note(date(2026, 2, 3)) == "invoice"
    assert await note(None) == "first_connected"
    assert sorted(item["invoicedOn"] for item in await office.blocked()) == ["2026-01-02", "2026-02-03"]
    assert await office.told(maria) == 2


async def test_an_invoice_that_was_being_taken_back_does_not_take_the_next_one(office: Office, maria: Resident) -> None:
    """What was cut off comes first."""
    device_id = office.hosts.device_id

    async def note(day: date | None) -> None:
        await note_invoice(maria.person_id, device_id, day, means=office.means, now=office.clock())

    await note(date(2026, 1, 2))
    await cut_off("rectification.replaced", note(None))
    await note(date(2026, 2, 3))
    office.clock.now += COMPLETED_AFTER
    assert await complete_cut_off(means=office.means, now=office.clock()) == {}
    [link] = await office.stored("people", "link")
    assert link["invoicedOn"] == "2026-02-03"
