"""Blocking: sealed under the person's key of a month, found by the vault alone, visible to a person who remains."""

import asyncio
import json
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest

from shared.blobs import VAULT, VAULT_KEYS
from shared.cosmos import Item, declared
from shared.gate import change_policy
from shared.injection import Point
from shared.vault import Blocked, Damaged, KeyEncryptionKeys, NotBlocked, VaultStore, block
from shared.vault.blocking import about_part, case_key
from shared.vault.sealing import opened, unpacked
from shared.vault.store import address_key, destruction_date
from tests.conftest import SettableClock
from tests.doubles import RecordingJournal
from tests.keys import symmetric_jwks
from tests.shared.vault.conftest import EMAIL, PERSON
from tests.vaults import REQUEST, firmware, killed_at

pytestmark = pytest.mark.wire

POINTS: list[Point] = ["vault.keyed", "vault.case_made", "vault.found", "vault.sealed", "vault.entered", "vault.told"]


class Blocking:
    """What a test blocks, again and again the same."""

    def __init__(self, vault: VaultStore, clock: SettableClock) -> None:
        self.vault = vault
        self.clock = clock
        self.items: list[tuple[str, Item]] = [("devices", firmware(clock))]

    async def __call__(self, part: str = "page-1", person_id: str | None = PERSON) -> list[Blocked]:
        return await block(
            REQUEST, part, self.items, ground="expiry", person_id=person_id, vault=self.vault, now=self.clock()
        )

    async def state(self) -> dict[str, Any]:
        """All that lies anywhere, but for what is random."""
        found: dict[str, Any] = {"blobs": [name async for name in self.vault.blobs.names(VAULT, "")]}
        for container in ("vault", "people", "ledger"):
            items = [declared(item) async for item in self.vault.database[container].query("SELECT * FROM c")]
            found[container] = sorted((item["type"], item["id"]) for item in items)
        found["items"] = await self.opened()
        return found

    async def opened(self) -> list[Any]:
        lines = []
        async for case in self.vault.cases.query("SELECT * FROM c WHERE c.type = 'vaultCase'"):
            month_key = await self.vault.month_key(case["keyMonth"])
            assert month_key is not None
            for part in case["parts"]:
                body = await self.vault.body(case["keyMonth"], case["caseId"], part)
                lines += unpacked(opened(case_key(case, month_key), body, about_part(case["caseId"], part)))
        return [json.loads(line) for line in lines]


@pytest.fixture
def blocking(vault: VaultStore, clock: SettableClock) -> Blocking:
    return Blocking(vault, clock)


async def test_what_is_blocked_says_why_and_until_when(blocking: Blocking, person: str) -> None:
    """From the data map; the person finds the same in their data and in their ledger."""
    [blocked] = await blocking()
    assert (blocked.category, blocked.until.day) == ("device", 1)
    assert "LOPDGDD 32" in blocked.why
    over = (blocking.clock() + timedelta(days=3 * 365)).date()
    assert timedelta(0) < blocked.until - over <= timedelta(days=31)
    told = await blocking.vault.database["people"].read(person, f"blocked:{blocked.case_id}:device")
    assert told is not None
    assert (told["why"], told["until"], told["ground"]) == (blocked.why, blocked.until.isoformat(), "expiry")
    entries = [
        item["details"]
        async for item in blocking.vault.database["ledger"].query("SELECT * FROM c WHERE c.action = 'data_blocked'")
    ]
    assert [entry["caseId"] for entry in entries] == [blocked.case_id]


async def test_the_items_come_out_as_they_were(blocking: Blocking) -> None:
    """And nobody reads them in storage, nor who they are about in the names."""
    await blocking(person_id=None)
    assert await blocking.opened() == [{"container": "devices", "item": blocking.items[0][1]}]
    [name] = [name async for name in blocking.vault.blobs.names(VAULT, "")]
    body = await blocking.vault.blobs.read(VAULT, name)
    assert body is not None
    assert b"3.2.1" not in body
    stored = [item async for item in blocking.vault.cases.query("SELECT * FROM c")]
    assert "d" * 32 not in json.dumps(stored)


async def test_a_repeat_replaces_itself_and_parts_add_up(blocking: Blocking, person: str) -> None:
    """However often a page is blocked; of another page everything stays."""
    assert person
    first = await blocking()
    state = await blocking.state()
    assert await blocking() == first
    assert await blocking.state() == state
    blocking.items = [("devices", firmware(blocking.clock, version="4.0.0"))]
    assert await blocking("page-2") == first
    assert [line["item"]["version"] for line in await blocking.opened()] == ["3.2.1", "4.0.0"]


@pytest.mark.parametrize("point", POINTS)
async def test_killed_anywhere_and_repeated_it_is_blocked(
    blocking: Blocking, person: str, point: Point, clock: SettableClock
) -> None:
    """The end is that of a run without a fault."""
    assert person
    assert await killed_at(point, blocking)
    clock.forward(minutes=2)
    await blocking()
    cut_off = await blocking.state()
    await blocking()
    assert await blocking.state() == cut_off
    assert len(cut_off["items"]) == 1
    assert [kind for kind, _ in cut_off["people"]].count("blockedData") == 1


async def test_a_person_who_was_erased_is_written_nothing(blocking: Blocking, person: str) -> None:
    """It is blocked all the same."""
    people = blocking.vault.database["people"]
    await change_policy(
        people,
        person,
        lambda policy: replace(policy, tombstone=True),
        journal=RecordingJournal(),
        now=blocking.clock(),
    )
    before = [item["id"] async for item in people.query("SELECT * FROM c", partition=person)]
    await blocking()
    assert [item["id"] async for item in people.query("SELECT * FROM c", partition=person)] == before
    assert len(await blocking.opened()) == 1


async def test_a_case_is_found_by_address_device_and_person_under_the_months_key(
    blocking: Blocking, person: str
) -> None:
    """However the address is written; and by nobody who lacks the key of the month."""
    [blocked] = await blocking()
    [month] = [month async for month in blocking.vault.months()]
    key = await blocking.vault.month_key(month)
    assert key is not None
    for kind, value in (("email", f" {EMAIL.upper()} "), ("device", "d" * 32), ("person", person)):
        lookup = await blocking.vault.cases.read(address_key(key, kind, value), blocked.case_id)
        assert lookup is not None, kind
        assert lookup["found"] == blocked.case_id


async def test_what_is_to_be_destroyed_is_not_blocked(blocking: Blocking) -> None:
    """The data map decides, and nothing of what came with it is kept either."""
    reading: Item = {"id": "r", "type": "usageReadings", "ownershipId": "o"}
    blocking.items.append(("telemetry", reading))
    with pytest.raises(NotBlocked):
        await blocking()
    assert (await blocking.state())["vault"] == []


async def test_bodies_cannot_be_exchanged(blocking: Blocking) -> None:
    """A body that was moved to another part, or changed, is refused."""
    await blocking("page-1", None)
    await blocking("page-2", None)
    first, second = [name async for name in blocking.vault.blobs.names(VAULT, "")]
    body = await blocking.vault.blobs.read(VAULT, second)
    assert body is not None
    await blocking.vault.blobs.write(VAULT, first, body)
    with pytest.raises(Damaged):
        await blocking.opened()
    await blocking.vault.blobs.delete(VAULT, first)
    with pytest.raises(Damaged):
        await blocking.opened()


async def test_a_months_key_is_made_once(vault: VaultStore) -> None:
    """Of several at once one makes it."""
    keys = await asyncio.gather(*(vault.new_month_key("2031-02") for _ in range(5)))
    assert len(set(keys)) == 1
    assert [month async for month in vault.months()] == ["2031-02"]


async def test_keys_of_months_are_brought_under_a_new_key(vault: VaultStore) -> None:
    """Once each, and not of a month that was destroyed meanwhile."""
    old, new = symmetric_jwks("dev-a"), symmetric_jwks("dev-b")
    before = VaultStore(vault.database, vault.blobs, KeyEncryptionKeys(old))
    key = await before.new_month_key("2031-02")
    rotated = VaultStore(vault.database, vault.blobs, KeyEncryptionKeys({"keys": new["keys"] + old["keys"]}))
    assert (await rotated.wrap_anew(), await rotated.wrap_anew()) == (1, 0)
    assert await VaultStore(vault.database, vault.blobs, KeyEncryptionKeys(new)).month_key("2031-02") == key
    _, etag = await vault.blobs.read_tagged(VAULT_KEYS, "2031-02")
    await vault.blobs.delete(VAULT_KEYS, "2031-02")
    assert not await vault.blobs.replace(VAULT_KEYS, "2031-02", b"back", etag)
    assert await vault.month_key("2031-02") is None


def test_all_of_a_month_is_destroyed_on_one_day(clock: SettableClock) -> None:
    """The first day of a month, after the period and at most a month after it."""
    days = [destruction_date(timedelta(days=365), clock() + timedelta(days=n)) for n in range(800)]
    assert {day.day for day in days} == {1}
    assert all(later >= earlier for earlier, later in pairwise(days))
    for n, day in enumerate(days):
        over: date = (clock() + timedelta(days=365 + n)).date()
        assert timedelta(0) < day - over <= timedelta(days=31)
