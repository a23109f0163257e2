"""Interactions: staff enter what people told them, the person sees and corrects it."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from export_user_data.recipients.disclosure import recipients_of
from export_user_data.rectification.contract import Interaction, InteractionText
from export_user_data.rectification.interactions import list_interactions, rectify_interaction
from export_user_data.walk import held_about
from shared.callers import Resident
from shared.clock import text
from shared.errors import Problem
from shared.injection import Point
from tests.export_user_data.rectification.conftest import SALES, SELLER, Office
from tests.hosts import cut_off

pytestmark = pytest.mark.wire

REQUEST = "0f8fad5b-d9cb-469f-a165-70867728950e"


async def shown(office: Office, person_id: str) -> list[Interaction]:
    return (await list_interactions(person_id, people=office.database["people"])).interactions


async def rectified(office: Office, person_id: str, interaction_id: str, words: str) -> str:
    done = await rectify_interaction(
        person_id, interaction_id, InteractionText(text=words), means=office.means, now=office.clock()
    )
    return done.rectification_id


async def test_a_person_sees_what_they_told_us(office: Office, maria: Resident) -> None:
    """And that staff entered it; it is in their export, without who of the staff it was."""
    interaction_id = await office.enter(deviceId=office.hosts.device_id)
    [one] = await shown(office, maria.person_id)
    assert (one.interaction_id, one.channel, one.subject) == (interaction_id, "technician", "repair")
    assert one.text == "The camera is dark."
    assert one.updated_at is None
    assert await office.recorded(maria.person_id) == [("interaction_entered", "staff:sales")]
    held = [one async for one in held_about(maria.person_id, database=office.database)]
    [record] = [one.record for one in held if one.record_name == "interaction"]
    assert not record.fields["enteredBy"].exported


async def test_an_address_makes_a_person_without_an_account(office: Office) -> None:
    """Who signs in with it, verified, sees what was entered before."""
    interaction_id = await office.enter(email="Jordi@resident.example", channel="website")
    jordi = await office.hosts.sign_in("jordi")
    assert [one.interaction_id for one in await shown(office, jordi.person_id)] == [interaction_id]


@pytest.mark.parametrize("at", ["interaction.entered", "ledger.read"])
async def test_an_entry_that_was_cut_off_is_completed_by_a_repeat(office: Office, maria: Resident, at: Point) -> None:
    """Under the same name it is one interaction and one entry of the ledger."""
    entry = {"deviceId": office.hosts.device_id, "requestId": REQUEST}
    await cut_off(at, office.enter(**entry))
    assert await office.enter(**entry) == await office.enter(**entry)
    assert len(await shown(office, maria.person_id)) == 1
    assert await office.recorded(maria.person_id) == [("interaction_entered", "staff:sales")]


async def test_what_cannot_be_is_refused(office: Office) -> None:
    """A time to come, a device without an owner, of nobody or of two."""
    later = text(office.clock() + timedelta(minutes=1))
    with pytest.raises(Problem, match="field_out_of_range"):
        await office.enter(email="jordi@resident.example", at=later)
    with pytest.raises(Problem, match="device_not_registered"):
        await office.enter(deviceId="0" * 32)
    for named in ({}, {"email": "jordi@resident.example", "deviceId": "0" * 32}):
        with pytest.raises(ValidationError):
            await office.enter(**named)


async def test_a_person_corrects_what_they_told_us(office: Office, maria: Resident) -> None:
    """The old words are blocked; the recipient that has them is told the new ones."""
    interaction_id = await office.enter(deviceId=office.hosts.device_id)
    office.clock.forward(days=1)
    request_id = await rectified(office, maria.person_id, interaction_id, "The camera works, the bell is silent.")
    [one] = await shown(office, maria.person_id)
    assert (one.text, one.updated_at) == ("The camera works, the bell is silent.", office.clock())
    [old] = await office.blocked()
    assert (old["text"], old["interactionId"]) == ("The camera is dark.", interaction_id)
    told = (await office.notices(request_id))[SALES]
    assert told["about"]["text"] == "The camera works, the bell is silent."
    assert told["about"]["email"] == "maria@resident.example"
    assert ("data_rectified", "person") in await office.recorded(maria.person_id)
    assert await office.told(maria) == 1
    found = await recipients_of(maria.person_id, database=office.database, webhooks=office.means.webhooks)
    assert [one.state for recipient in found.recipients if recipient.name == SALES for one in recipient.told] == [
        "pending"
    ]


@pytest.mark.parametrize("at", ["rectification.blocked", "rectification.replaced", "rectification.told"])
async def test_a_correction_that_was_cut_off_is_completed(office: Office, maria: Resident, at: Point) -> None:
    """By a repeat, once."""
    interaction_id = await office.enter(deviceId=office.hosts.device_id)
    await cut_off(at, rectified(office, maria.person_id, interaction_id, "It rings."))
    first = await rectified(office, maria.person_id, interaction_id, "It rings.")
    assert first == await rectified(office, maria.person_id, interaction_id, "It rings.")
    assert [one.text for one in await shown(office, maria.person_id)] == ["It rings."]
    assert [item["text"] for item in await office.blocked()] == ["The camera is dark."]
    assert await office.told(maria) == 1


async def test_an_interaction_is_its_persons_alone(office: Office, maria: Resident) -> None:
    """To everybody else there is none; the same words are no correction."""
    jordi = await office.hosts.sign_in("jordi")
    interaction_id = await office.enter(deviceId=office.hosts.device_id)
    with pytest.raises(Problem, match="interaction_unknown"):
        await rectified(office, jordi.person_id, interaction_id, "Mine.")
    with pytest.raises(Problem, match="nothing_to_rectify"):
        await rectified(office, maria.person_id, interaction_id, "The camera is dark.")


async def test_the_webhook_is_a_recipient_of_who_told_something(office: Office, maria: Resident) -> None:
    """And of nobody else."""

    async def names() -> set[str]:
        found = await recipients_of(maria.person_id, database=office.database, webhooks=office.means.webhooks)
        return {one.name for one in found.recipients}

    assert SALES not in await names()
    await office.enter(deviceId=office.hosts.device_id)
    assert SALES in await names()
    assert "website" not in await names()
    assert SELLER.staff_id not in str(await shown(office, maria.person_id))
