"""Years pass: every kind of item is there until its time is over and gone a day later, and the vault goes as well."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, Final

import pytest

from export_user_data import exports
from export_user_data.vault.destruction import destroy_due
from ingest_telemetry.storing import store_events
from local.cosmos.server import CosmosServer
from local.mail import MailSink
from register_device import disputes, fleet_figures
from shared import clock as clocks
from shared.blobs import VAULT, VAULT_KEYS
from shared.callers import Resident
from shared.cosmos import Item, declared
from shared.data_map import CONTAINERS, blocking
from shared.expiry import expiring
from shared.vault import Damaged
from shared.vault.blocking import about_part, case_key
from shared.vault.sealing import opened
from tests.doubles import RecordingHub
from tests.export_user_data.retention.conftest import Years
from tests.hosts import Hosts
from tests.owned import Owned
from tests.register_device.cases import Desk

pytestmark = pytest.mark.wire

RETAINED: Final = [
    (container, name, record, record.retention)
    for container, definition in CONTAINERS.items()
    for name, record in definition.records.items()
    if record.retention is not None
]
DAY: Final = timedelta(days=1)
SHORTLY: Final = timedelta(minutes=2)


@pytest.fixture
async def lived_in(years: Years, cosmos: CosmosServer) -> AsyncIterator[Years]:
    """What the service itself stores in a while of use, all of it on one day."""
    assert cosmos is years.cosmos
    house, database, now = years.house, years.house.database, years.house.clock
    async with MailSink() as sink:
        hosts = Hosts(house, sink)
        maria = await hosts.move_in()
        access = await house.pair(maria.person_id)
        desk = Desk(house, access, maria.person_id)
        await desk.open(log="12:00 all is well")
        await desk.send(owned_call(house), {"kind": "system_health", "observedAt": clocks.text(now()), "cpuPercent": 5})
        await house.pair("jordi")
        await disputes.open_dispute(maria.person_id, access.device_id, database=database, now=now())
        await hosts.invite(Resident("jordi", "jordi@resident.example", "identity key"), "friend")
        owned = await Owned(database, now, "0" * 32).begin()
        malformed = [owned.raw(b"garbage"), owned.raw(b"garbage", **owned.event().properties)]
        await store_events(malformed, database=database, now=now)
        hub = RecordingHub()
        await exports.request_export("jordi", "access", database=database, hub=hub, now=now())
        await fleet_figures.start_counting(database=database, hub=hub, now=now())
        yield years


def owned_call(house: Any) -> dict[str, Any]:
    return {"kind": "call", "observedAt": clocks.text(house.clock()), "outcome": "answered"}


async def stored(years: Years) -> dict[tuple[str, str], list[Item]]:
    return {(container, name): await years.items(container, name) for container, name, _, _ in RETAINED}


async def completed(years: Years) -> set[tuple[str, str]]:
    """Make an item of each kind that there is none of, with the fields that its retention goes by."""
    there = await stored(years)
    now = years.house.clock()
    for container, name, record, _ in RETAINED:
        if not there[container, name]:
            item = {"id": f"made:{name}", "type": name, CONTAINERS[container].partition_key: "f" * 32}
            item |= {record.dated_from: clocks.text(now)} if record.dated_from else {}
            await years.house.database[container].create(item | expiring(container, name, since=now, now=now))
    return {kind for kind, items in there.items() if items}


async def test_what_the_service_stores_has_the_retention_of_the_data_map(lived_in: Years) -> None:
    """Each item says when it ends, counted from what the map says; and the database knows it, too."""
    seen = set()
    for container, name, record, retention in RETAINED:
        for item in await lived_in.items(container, name):
            seen.add(name)
            ends = clocks.moment(item["expiresAt"])
            assert record.dated_from is None or ends == clocks.moment(item[record.dated_from]) + retention, name
            over = ends - lived_in.house.clock()
            margin = timedelta(seconds=item["ttl"]) - over
            assert (margin > 6 * DAY) if blocking(record) else (abs(margin) < DAY), name
    used = {"firmwareVersion", "dispute", "supportCase", "supportLog", "usageReadings", "performanceReadings", "claim"}
    used |= {"attributableMalformed", "malformed", "notification", "invitation", "export"}
    assert used <= seen


async def test_years_pass(lived_in: Years) -> None:
    """Every kind of item is held to its retention; what is blocked is in the vault then, and in the end nowhere."""
    years = lived_in
    assert len(await completed(years)) > 10
    begun = years.house.clock()
    expected = {(container, name): retention for container, name, _, retention in RETAINED}
    for age in sorted({age for retention in expected.values() for age in (retention - SHORTLY, retention + DAY)}):
        years.pass_by(seconds=(begun + age - years.house.clock()).total_seconds())
        await years.sweep()
        for (container, name), retention in expected.items():
            there = await years.items(container, name)
            if age < retention:
                assert there, f"{name} was gone after {age}"
            elif age >= retention + DAY:
                assert not there, f"{name} was there after {age}"
    await what_is_blocked_goes_as_well(years)


async def what_is_blocked_goes_as_well(years: Years) -> None:
    cases = await years.items("vault", "vaultCase")
    sealed = {name for case in cases for name in case["parts"]}
    blocked = [name for _, name, record, _ in RETAINED if blocking(record)]
    assert len(sealed) >= len(blocked) >= 2
    assert await years.items("people", "blockedData")
    snapshot = [
        (declared(case), await years.vault.body(case["keyMonth"], case["caseId"], part))
        for case in cases
        for part in case["parts"]
    ]
    years.pass_by(days=3 * 365 + 62)
    await destroy_due(vault=years.vault, now=years.house.clock)
    for record in ("vaultCase", "vaultLookup", "vaultOpening", "vaultMonth"):
        assert await years.items("vault", record) == []
    for place in (VAULT, VAULT_KEYS):
        assert [name async for name in years.vault.blobs.names(place, "")] == []
    assert await years.items("people", "blockedData") == []
    for case, _ in snapshot:
        assert await years.vault.month_key(case["keyMonth"]) is None
    for case, body in snapshot:
        another = await years.vault.new_month_key(case["keyMonth"])
        with pytest.raises(Damaged):
            opened(case_key(case, another), body, about_part(case["caseId"], next(iter(case["parts"]))))
