"""Whom staff mean: of a device the owner at the time at which something was said."""

from datetime import timedelta

import pytest

from export_user_data.whom import Who, owner_of, person_named
from shared.cosmos import Database
from shared.errors import Problem
from shared.keys import KeySet
from shared.people import own_record
from tests.conftest import SettableClock
from tests.doubles import resident_of
from tests.people import IDENTITY_KEY, House

pytestmark = pytest.mark.wire

SERIAL = "VEO-000001"


async def test_what_was_said_of_a_device_is_its_owners_of_then(
    database: Database, device_keys: KeySet, clock: SettableClock
) -> None:
    """Whoever pairs it later finds in their account nothing that somebody else said."""
    house, before = House(database, device_keys, clock), clock() - timedelta(days=1)
    for person in ("maria", "jordi"):
        await own_record(resident_of(person), database=database, now=clock())
        device_id = (await house.pair(person, SERIAL)).device_id
        clock.forward(days=10)
    devices, now = database["devices"], clock()
    days = (timedelta(days=15), timedelta(days=5), timedelta(0))
    assert [await owner_of(device_id, devices=devices, at=now - ago) for ago in days] == ["maria", "jordi", "jordi"]
    assert await owner_of(device_id, devices=devices) == "jordi"
    assert await owner_of(device_id, devices=devices, at=before) is None
    who = Who.model_validate({"serialNumber": SERIAL})
    said_at = now - days[0]
    assert await person_named(who, database=database, identity_key=IDENTITY_KEY, said_at=said_at) == "maria"
    with pytest.raises(Problem, match="person_unknown"):
        await person_named(who, database=database, identity_key=IDENTITY_KEY, said_at=before)
