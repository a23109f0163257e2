"""What is to be blocked when its time is over is moved into the vault, and not lost in between."""

from collections import Counter
from datetime import timedelta

import pytest

from export_user_data.retention import expiry
from export_user_data.retention.expiry import blocked_records
from shared import clock as clocks
from shared.cosmos import Item, declared
from shared.data_map import CONTAINERS, blocking
from shared.expiry import MARGIN, expiring, ttl_until
from shared.gate import Erased
from shared.vault import block
from tests.conftest import SettableClock
from tests.export_user_data.retention.conftest import Years
from tests.vaults import killed_at

FIRMWARE = "firmwareVersion"


def test_the_database_waits_with_what_is_to_be_blocked(clock: SettableClock) -> None:
    """Everything else it deletes when its time is over."""
    now = clock()
    blocked, destroyed = (
        expiring("devices", FIRMWARE, since=now, now=now),
        expiring("jobs", "export", since=now, now=now),
    )
    assert blocked["expiresAt"] == clocks.text(now + timedelta(days=730))
    assert blocked["ttl"] == (timedelta(days=730) + MARGIN).total_seconds()
    assert destroyed["ttl"] == timedelta(days=7).total_seconds()
    assert ttl_until(now - timedelta(days=1), "export", now=now) == 1


def test_the_data_map_says_what_is_blocked() -> None:
    """By its category, unless the record says otherwise with a reason."""
    blocked = blocked_records()
    assert {FIRMWARE, "dispute"} <= set(blocked["devices"])
    assert "invitation" not in blocked.get("identities", [])
    assert not {"telemetry", "statistics"} & blocked.keys()


def test_no_two_records_of_one_name_end_differently() -> None:
    """A TTL is found by the name of a record alone."""
    ends: dict[str, set[bool]] = {}
    for container in CONTAINERS.values():
        for name, record in container.records.items():
            ends.setdefault(name, set()).add(blocking(record) is None)
    assert {name for name, seen in ends.items() if len(seen) > 1} == set()


@pytest.mark.wire
async def test_an_expired_item_is_in_the_vault_and_nowhere_else(years: Years) -> None:
    """Not a second before its time; its owner is told."""
    await years.house.pair("maria")
    years.pass_by(days=730, seconds=-1)
    assert await years.sweep() == Counter()
    years.pass_by(seconds=1)
    [before] = await years.items("devices", FIRMWARE)
    assert await years.sweep() == Counter({"blocked": 1})
    assert await years.items("devices", FIRMWARE) == []
    [case] = await years.items("vault", "vaultCase")
    assert (case["ground"], list(case["categories"])) == ("expiry", ["device"])
    [told] = await years.items("people", "blockedData")
    assert (told["personId"], told["caseId"]) == ("maria", case["caseId"])
    assert before["version"] == "3.2.1"
    assert await years.sweep() == Counter()


@pytest.mark.wire
async def test_a_former_owners_item_is_theirs(years: Years) -> None:
    """Not that of who owns the device now."""
    await years.house.pair("maria")
    years.pass_by(days=1)
    await years.house.pair("jordi")
    years.pass_by(days=729)
    assert await years.sweep() == Counter({"blocked": 1})
    assert [told["personId"] for told in await years.items("people", "blockedData")] == ["maria"]


@pytest.mark.wire
async def test_what_is_kept_stays(years: Years) -> None:
    """A restriction or a hold takes its TTL away; when that is over it is blocked at once."""
    await years.house.pair("maria")
    [item] = await years.items("devices", FIRMWARE)
    devices = years.house.database["devices"]
    await devices.replace(declared(item) | {"ttl": -1}, item["_etag"])
    years.pass_by(days=1000)
    assert await years.sweep() == Counter({"kept": 1})
    [kept] = await years.items("devices", FIRMWARE)
    await devices.replace(declared(kept) | {"ttl": 60}, kept["_etag"])
    assert await years.sweep() == Counter({"blocked": 1})


@pytest.mark.wire
async def test_killed_between_vault_and_deletion_it_is_blocked_once(years: Years) -> None:
    """The repeat seals the same part again."""
    await years.house.pair("maria")
    years.pass_by(days=730)
    assert await killed_at("expiry.blocked", years.sweep)
    assert len(await years.items("devices", FIRMWARE)) == 1
    assert await years.sweep() == Counter({"blocked": 1})
    [case] = await years.items("vault", "vaultCase")
    assert list(case["parts"].values()) == [1]


@pytest.mark.wire
async def test_what_changes_meanwhile_is_not_deleted(years: Years, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as an item that is put under a hold just then."""
    await years.house.pair("maria")
    years.pass_by(days=730)

    async def changing(*args: object, **named: object) -> object:
        [item] = await years.items("devices", FIRMWARE)
        await years.house.database["devices"].replace(declared(item) | {"ttl": -1}, item["_etag"])
        return await block(*args, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(expiry, "block", changing)
    assert await years.sweep() == Counter({"changed meanwhile": 1})
    assert len(await years.items("devices", FIRMWARE)) == 1


@pytest.mark.wire
async def test_the_fault_of_one_does_not_keep_the_others(years: Years, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is raised when they are done, and its item is still there."""
    await years.house.pair("maria", "VEO-000001")
    await years.house.pair("maria", "VEO-000002")
    years.pass_by(days=730)
    failing = [True]

    async def faulty(*args: object, **named: object) -> object:
        if failing and failing.pop():
            raise Erased
        return await block(*args, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(expiry, "block", faulty)
    with pytest.raises(Erased):
        await years.sweep()
    assert len(await years.items("devices", FIRMWARE)) == 1


@pytest.mark.wire
async def test_an_item_of_nobody_is_blocked_all_the_same(years: Years) -> None:
    """Its device may be gone, or its owner."""
    now = years.house.clock()
    item: Item = {
        "id": "firmware:old",
        "type": FIRMWARE,
        "deviceId": "d" * 32,
        "ownershipId": "o" * 32,
        "version": "1",
        "firstSeenAt": clocks.text(now),
    }
    await years.house.database["devices"].create(item | expiring("devices", FIRMWARE, since=now, now=now))
    years.pass_by(days=731)
    assert await years.sweep() == Counter({"blocked": 1})
    assert await years.items("people", "blockedData") == []


@pytest.mark.wire
async def test_an_outage_of_days_loses_nothing(years: Years) -> None:
    """What was not moved in time is still there for a week."""
    await years.house.pair("maria")
    years.pass_by(days=730 + MARGIN.days, minutes=-5)
    assert await years.sweep() == Counter({"blocked": 1})
