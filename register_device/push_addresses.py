"""Push addresses: a phone rings for one installation at a time, the one that registered it last.

The look-up of an address names its holder, and until that one has lost it the holder before. So whoever is cut off
between taking an address and disowning the one before is completed by the next who comes.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from random import SystemRandom
from typing import Any, Final

from shared import clock
from shared.cosmos import BatchFailed, Conflict, Container, Database, Delete, Item, Replace, Stale, declared
from shared.errors import Problem
from shared.gate import Erased, write_behind_gate
from shared.injection import reached
from shared.keys import keyed_id
from shared.ledger import SERVICE, Step, record_about

_TRIES: Final = 10
_FIRST_PAUSE_S: Final = 0.005
_PAUSE_LIMIT_S: Final = 0.2
_random = SystemRandom()

_ADDRESSES: Final = ("pushToken", "apnsToken", "apnsSandbox")


@dataclass(frozen=True, slots=True)
class Holder:
    """One installation of one person."""

    person_id: str
    installation_id: str

    @property
    def item_id(self) -> str:
        """Id of its item in the person's partition."""
        return f"app:{self.installation_id}"


def address_key(token: str, *, identity_key: bytes) -> str:
    """The key of a push token's look-up."""
    return keyed_id(identity_key, "push", token)


def without_addresses(item: Item) -> dict[str, Any]:
    """An installation that does not ring any more."""
    return {name: value for name, value in declared(item).items() if name not in _ADDRESSES} | {"active": False}


async def holder_of(key: str, *, identities: Container) -> Holder | None:
    """The installation that an address rings for."""
    entry = await identities.read(key, key)
    return _holder(entry) if entry is not None else None


async def take(key: str, holder: Holder, *, database: Database, identity_key: bytes, now: datetime) -> None:
    """Make an installation the holder of an address; the one before has lost it when this returns.

    Who comes later may hold it by then: it is not taken back.

    Raises:
        Problem: busy, when others kept taking it.
    """
    identities, taken = database["identities"], False
    for attempt in range(_TRIES):
        known = await identities.read(key, key)
        try:
            if taken and (known is None or _holder(known) != holder):
                return
            if known is None:
                await identities.create(_entry(key, holder, now))
                taken = True
            elif "formerPersonId" in known:
                await _settle(known, database=database, identity_key=identity_key, now=now)
            elif _holder(known) == holder:
                return
            else:
                before = {"formerPersonId": known["personId"], "formerInstallationId": known["installationId"]}
                await identities.replace(_entry(key, holder, now) | before, known["_etag"])
                taken = True
                await reached("push_address.taken")
        except (Conflict, Stale):  # those who pause for the same time would meet again
            await asyncio.sleep(_random.uniform(0, min(_PAUSE_LIMIT_S, _FIRST_PAUSE_S * 2**attempt)))
    raise Problem("busy", retry_after_s=1)


async def release(key: str, holder: Holder, *, database: Database, identity_key: bytes, now: datetime) -> None:
    """Forget an address, unless it is somebody else's by now.

    Raises:
        Problem: busy, when others kept taking it.
    """
    identities = database["identities"]
    for _ in range(_TRIES):
        known = await identities.read(key, key)
        if known is None or _holder(known) != holder:
            return
        try:
            if "formerPersonId" in known:
                await _settle(known, database=database, identity_key=identity_key, now=now)
                continue
            # A delete of a batch has no condition of its own, so the replacement before it carries it.
            await identities.batch(key, [Replace(declared(known), known["_etag"]), Delete(key)])
        except Stale:
            continue
        except BatchFailed as failed:
            if failed.status not in {HTTPStatus.PRECONDITION_FAILED, HTTPStatus.NOT_FOUND}:
                raise
            continue
        return
    raise Problem("busy", retry_after_s=1)


def _entry(key: str, holder: Holder, now: datetime) -> dict[str, Any]:
    return {
        "id": key,
        "key": key,
        "type": "pushAddress",
        "personId": holder.person_id,
        "installationId": holder.installation_id,
        "takenAt": clock.text(now),
    }


def _holder(entry: Item) -> Holder:
    return Holder(entry["personId"], entry["installationId"])


async def _settle(entry: Item, *, database: Database, identity_key: bytes, now: datetime) -> None:
    """Disown the holder before, and then forget who it was.

    Raises:
        Stale: somebody else settled it, or took the address.
    """
    await _disown(entry, database=database, identity_key=identity_key, now=now)
    await reached("push_address.disowned")
    former = ("formerPersonId", "formerInstallationId")
    settled = {name: value for name, value in declared(entry).items() if name not in former}
    await database["identities"].replace(settled, entry["_etag"])


async def _disown(entry: Item, *, database: Database, identity_key: bytes, now: datetime) -> None:
    """Take the address from the holder before.

    Its item changes even if it has not got the address yet: who is about to write that under the old ETag fails.
    """
    people, former = database["people"], Holder(entry["formerPersonId"], entry["formerInstallationId"])
    for _ in range(_TRIES):
        item = await people.read(former.person_id, former.item_id)
        if item is None or entry["key"] not in item["pushKeys"]:
            return
        changed = declared(item)
        try:
            if "pushToken" in item and address_key(item["pushToken"], identity_key=identity_key) == entry["key"]:
                changed = without_addresses(item)
                step = Step(
                    former.installation_id,
                    "push_address_lost",
                    SERVICE,
                    {"installationId": former.installation_id},
                    step=f"push_address_lost-{entry['takenAt']}",
                )
                await record_about(former.person_id, step, database=database, now=now)
            changed["pushKeys"] = [key for key in item["pushKeys"] if key != entry["key"]]
            await write_behind_gate(people, former.person_id, [Replace(changed, item["_etag"])])
        except Stale:
            continue
        except Erased:
            return
        return
    raise Problem("busy", retry_after_s=1)
