"""What a person sees of the recipients of their data."""

import pytest

from export_user_data.recipients.contract import Recipient
from export_user_data.recipients.disclosure import recipients_of
from export_user_data.walk import held_about
from shared.data_map import RECIPIENTS, Category
from shared.keys import KeySet
from tests.export_user_data.recipients.conftest import Desk
from tests.people import House

pytestmark = pytest.mark.wire


async def shown(desk: Desk, person: str = "maria") -> dict[str, Recipient]:
    found = await recipients_of(person, database=desk.database, webhooks=desk.webhooks)
    return {one.name: one for one in found.recipients}


async def test_an_account_alone_is_given_to_few(desk: Desk) -> None:
    """Who is given nothing of a person is no recipient of theirs."""
    found = await shown(desk)
    assert set(found) == {"cloud_provider", "mail_server", "sign_in_provider"}
    assert [given.category for given in found["cloud_provider"].given] == ["person"]
    assert found["sign_in_provider"].notice == "person"
    assert "sign-in page" in found["sign_in_provider"].what_you_can_do


async def test_it_says_what_is_given_and_since_when(desk: Desk, device_keys: KeySet) -> None:
    """A monitor brings its categories, from the day on which it was paired."""
    joined = desk.clock()
    desk.clock.forward(days=3)
    await House(desk.database, device_keys, desk.clock).pair("maria")
    found = await shown(desk)
    assert [given.category for given in found["cloud_provider"].given] == ["person", "device", "usage", "performance"]
    assert found["cloud_provider"].since == joined


async def test_it_says_what_they_were_told_and_acknowledged(desk: Desk) -> None:
    """The newest first; of somebody else's requests nothing."""
    await desk.move_in("jordi")
    await desk.tell("request-1", category=Category.PERSON)
    desk.clock.forward(hours=1)
    await desk.tell("request-2", event="restriction", category=Category.PERSON)
    await desk.tell("request-3", person_id="jordi", category=Category.PERSON)
    told = (await shown(desk))["mail_server"].told
    assert [(one.request_id, one.event, one.state) for one in told] == [
        ("request-2", "restriction", "lapses"),
        ("request-1", "rectification", "lapses"),
    ]


async def test_notices_are_in_the_export_and_reached_by_an_erasure(desk: Desk) -> None:
    """What a person may see of them is in the person's copy; an erasure leaves them to the recipients."""
    await desk.tell()
    held = [one.record_name async for one in held_about("maria", database=desk.database)]
    assert held.count("recipientNotice") == 2


def test_every_recipient_says_what_why_and_where() -> None:
    """A notice that leaves something open is none."""
    for recipient in RECIPIENTS.values():
        assert all((recipient.about, recipient.why, recipient.place, recipient.told, recipient.given))
