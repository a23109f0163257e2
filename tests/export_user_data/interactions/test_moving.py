"""What staff entered for the wrong person is taken away there, and is with the right one."""

import json

import pytest

from export_user_data.rectification.contract import InteractionText
from export_user_data.rectification.interactions import rectify_interaction
from export_user_data.restriction import holds
from export_user_data.restriction.contract import HoldRequest
from export_user_data.restriction.office import Office as RestrictionOffice
from shared.callers import Resident
from shared.clock import text
from shared.errors import Problem
from shared.injection import Point
from shared.people import nameless_person
from tests.doubles import RecordingHub
from tests.export_user_data.interactions.conftest import Desk
from tests.export_user_data.rectification.conftest import SALES
from tests.hosts import cut_off

pytestmark = pytest.mark.wire

WORDS = "The camera is dark."
TAKEN_AWAY = [("interaction_entered", "staff:sales"), ("interaction_taken_away", "staff:sales")]


async def test_an_entry_that_is_nobodys_is_taken_away(desk: Desk, maria: Resident) -> None:
    """It is blocked, its person and who was given it are told; a repeat says the same."""
    office = desk.office
    interaction_id = await office.enter(deviceId=office.hosts.device_id)
    for _ in range(2):
        taken = await desk.take_away(maria.person_id, interaction_id)
        assert (taken.interaction_id, taken.moved_to, taken.moved_as) == (interaction_id, None, None)
    assert await desk.texts(maria.person_id) == []
    assert [one["text"] for one in await office.blocked()] == [WORDS]
    assert await desk.recorded(maria.person_id) == TAKEN_AWAY
    assert await office.told(maria, "interaction_taken_away") == 1
    [told] = [one for one in await office.stored("jobs", "recipientNotice") if one["recipient"] == SALES]
    assert (told["event"], told["about"]["takenAway"]["channel"]) == ("rectification", "technician")
    assert WORDS not in str(told)
    for person_id, other in ((maria.person_id, "0" * 32), ("0" * 32, interaction_id)):
        with pytest.raises(Problem, match="interaction_unknown"):
            await desk.take_away(person_id, other)


async def test_what_is_somebodys_without_an_address_is_corrected_as_well(desk: Desk, maria: Resident) -> None:
    """By staff who mistyped it, and for the person; recipients are told no address."""
    office = desk.office
    await nameless_person("0" * 32, database=office.database, now=office.clock())
    interaction_id = await office.enter(deviceId=office.hosts.device_id)
    taken = await desk.take_away(maria.person_id, interaction_id, personId="0" * 32)
    moved_as = str(taken.moved_as)
    by_staff = await desk.correct("0" * 32, moved_as, text="The bell is silent.")
    said = InteractionText(text="The bell is loud.")
    by_person = await rectify_interaction("0" * 32, moved_as, said, means=office.means, now=office.clock())
    assert await desk.texts("0" * 32) == ["The bell is loud."]
    for done in (by_staff, by_person):
        assert (await office.notices(done.rectification_id))[SALES]["about"]["email"] is None


async def test_it_moves_to_whose_it_is(desk: Desk, maria: Resident) -> None:
    """As old as it is; both ledgers say so, and each person is told what concerns them."""
    office = desk.office
    await office.enter(email="lea@resident.example", text="Another question.")
    interaction_id = await office.enter(deviceId=office.hosts.device_id, basis="consent")
    entered_at = office.clock()
    office.clock.forward(days=10)
    taken = await desk.take_away(maria.person_id, interaction_id, email="lea@resident.example")
    lea = await desk.lead("lea")
    assert taken.moved_to == lea
    assert await desk.texts(maria.person_id) == []
    [moved] = [one for one in (await desk.find(personId=lea)).interactions if one.interaction_id == taken.moved_as]
    assert (moved.text, moved.basis, moved.created_at) == (WORDS, "consent", entered_at)
    assert (moved.expires_at - moved.created_at).days == 3 * 365
    assert await desk.recorded(maria.person_id) == TAKEN_AWAY
    assert [action for action, _ in await desk.recorded(lea)] == ["interaction_entered", "interaction_moved_here"]
    assert [kind for kind, _ in await office.hosts.house.told(lea)] == ["contact_kept"]
    assert await desk.take_away(maria.person_id, interaction_id, email="lea@resident.example") == taken


@pytest.mark.parametrize(
    "at",
    [
        "interaction.recorded",
        "interaction.moved",
        "vault.sealed",
        "interaction.blocked",
        "recipients.queued",
        "interaction.told",
        "ledger.read",
    ],
)
async def test_a_move_that_was_cut_off_is_completed_by_a_repeat(desk: Desk, maria: Resident, at: Point) -> None:
    """It is with somebody at any time, and with one person in the end."""
    office = desk.office
    await office.enter(email="lea@resident.example", text="Another question.")
    lea = await desk.lead("lea")
    interaction_id = await office.enter(deviceId=office.hosts.device_id)
    await cut_off(at, desk.take_away(maria.person_id, interaction_id, personId=lea))
    assert WORDS in {item["text"] for item in await office.stored("people", "interaction")}
    await desk.take_away(maria.person_id, interaction_id, personId=lea)
    assert await desk.texts(maria.person_id) == []
    assert sorted(await desk.texts(lea)) == ["Another question.", WORDS]
    assert [one["text"] for one in await office.blocked()] == [WORDS]
    assert await office.told(maria, "interaction_taken_away") == 1
    assert await desk.recorded(maria.person_id) == TAKEN_AWAY
    assert [action for action, _ in await desk.recorded(lea)] == ["interaction_entered", "interaction_moved_here"]


async def test_it_does_not_move_to_nobody_or_to_whom_it_is_with(desk: Desk, maria: Resident) -> None:
    """Nothing is changed then."""
    office = desk.office
    interaction_id = await office.enter(deviceId=office.hosts.device_id)
    with pytest.raises(Problem, match="person_unknown"):
        await desk.take_away(maria.person_id, interaction_id, email="nobody@resident.example")
    with pytest.raises(Problem, match="field_out_of_range"):
        await desk.take_away(maria.person_id, interaction_id, personId=maria.person_id)
    assert await desk.texts(maria.person_id) == [WORDS]
    assert await desk.recorded(maria.person_id) == [("interaction_entered", "staff:sales")]


async def test_what_is_held_is_not_taken_away(desk: Desk, maria: Resident) -> None:
    """Sales staff learn no more than that it must stay."""
    office = desk.office
    interaction_id = await office.enter(deviceId=office.hosts.device_id)
    now = office.clock()
    body = {
        "who": {"personId": maria.person_id},
        "scope": "person",
        "ground": "authority_order",
        "reference": "LH-2026-17",
        "until": text(now.replace(year=now.year + 1)),
        "tellPerson": False,
    }
    at = RestrictionOffice(database=office.database, journal=office.hosts.house.journal, hub=RecordingHub(), now=now)
    await holds.set_hold(maria.person_id, HoldRequest.model_validate_json(json.dumps(body)), at, staff_id="5" * 32)
    with pytest.raises(Problem, match="data_restricted"):
        await desk.take_away(maria.person_id, interaction_id)
    assert await desk.texts(maria.person_id) == [WORDS]
