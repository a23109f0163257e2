"""Blocking: items are sealed into the vault before they are deleted where they lay (LOPDGDD 32).

Every step is create-only or replaces itself, and comes before the one that relies on it: month, key of the month, case
with its wrapped key, look-ups, body, the body's entry in the case, what the person is told. Who is cut off does all
of it again.
"""

import base64
import contextlib
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Final, Literal

from shared import clock, data_map
from shared.blobs import VAULT
from shared.cosmos import Conflict, Create, Item, Stale, declared
from shared.errors import Problem
from shared.gate import Erased, write_behind_gate
from shared.injection import reached
from shared.ledger import SERVICE, Step, record_about
from shared.vault.sealing import new_key, opened, packed, sealed
from shared.vault.store import CASE_ITEM, MONTH_ITEM, VaultStore, address_key, blob_name, blocked_until, month_of

Ground = Literal["erasure", "rectification", "expiry"]

_PART: Final = re.compile(r"[0-9a-z][0-9a-z._-]{0,63}")
_CHANGES_TRIED: Final = 10
_ADDRESSES: Final = {"email": ("email",), "device": ("deviceId",), "person": ("personId", "ownerPersonId")}
"""By which fields of the items a case can be found; a serial number is a device id once it is hashed."""


class NotBlocked(Exception):
    """Something was to be blocked that the data map says to destroy. It is a fault of ours."""


@dataclass(frozen=True, slots=True)
class Blocked:
    """What lies in the vault: of which category, why, and on which date it is destroyed."""

    case_id: str
    category: str
    why: str
    until: date


@dataclass(frozen=True, slots=True)
class _Parcel:
    """What goes into one case at one time."""

    request_id: str
    part: str
    items: Sequence[tuple[str, Item]]
    ground: Ground
    until: date
    addresses: frozenset[tuple[str, str]]

    @property
    def month(self) -> str:
        return month_of(self.until)

    @property
    def case_id(self) -> str:
        return case_id_of(self.request_id, self.month)

    @property
    def categories(self) -> list[Blocked]:
        found = {data_map.record(container, item["type"]).category for container, item in self.items}
        return [
            Blocked(self.case_id, category.value, data_map.CATEGORIES[category].blocked_why, self.until)
            for category in sorted(found)
        ]


def case_id_of(request_id: str, month: str) -> str:
    """The case of a request and a destruction month."""
    return hashlib.sha256(f"vault\n{request_id}\n{month}".encode()).hexdigest()[:32]


async def block(
    request_id: str,
    part: str,
    items: Sequence[tuple[str, Item]],
    *,
    ground: Ground,
    person_id: str | None,
    vault: VaultStore,
    now: datetime,
) -> list[Blocked]:
    """Seal items, each with the name of its container, and return what is blocked, why and until when.

    The same part of the same request replaces itself, so that a repeat changes nothing. A person who remains finds it
    in their data and in their ledger; to one who was erased nothing is written.

    Raises:
        NotBlocked: the data map says to destroy one of them.
        Undeclared: one of them is not in the data map.
        ValueError: the part has no such name, or is too large.
    """
    if not _PART.fullmatch(part):
        raise ValueError("the name of a part has characters that are not of a blob's name")
    addresses = await _addresses(items, person_id, vault)
    blocked: list[Blocked] = []
    for until, its in sorted(_by_date(items, now).items()):
        parcel = _Parcel(request_id, part, its, ground, until, addresses)
        await _seal(parcel, vault=vault, now=now)
        if person_id is not None:
            await _tell(person_id, parcel, vault=vault, now=now)
        blocked += parcel.categories
    return blocked


def _by_date(items: Sequence[tuple[str, Item]], now: datetime) -> dict[date, list[tuple[str, Item]]]:
    """Items by the date of their destruction."""
    found: dict[date, list[tuple[str, Item]]] = {}
    for container, item in items:
        data_map.checked(container, declared(item))
        try:
            until = blocked_until(data_map.record(container, item["type"]).category, now)
        except ValueError as error:
            raise NotBlocked(f"'{item['type']}' in '{container}' is to be destroyed, not blocked.") from error
        found.setdefault(until, []).append((container, item))
    return found


async def _addresses(
    items: Sequence[tuple[str, Item]], person_id: str | None, vault: VaultStore
) -> frozenset[tuple[str, str]]:
    """By what a court would name them: kind and value."""
    person = await vault.database["people"].read(person_id, "person") if person_id is not None else None
    known = (
        [item for _, item in items] + ([person] if person else []) + ([{"personId": person_id}] if person_id else [])
    )
    return frozenset(
        (kind, str(item[name]))
        for item in known
        for kind, names in _ADDRESSES.items()
        for name in names
        if name in item
    )


async def _seal(parcel: _Parcel, *, vault: VaultStore, now: datetime) -> None:
    await _keep_month(parcel, vault, now)
    month_key = await vault.new_month_key(parcel.month)
    await reached("vault.keyed")
    lookups = sorted(address_key(month_key, kind, value) for kind, value in parcel.addresses)
    case = await _case(parcel, lookups, month_key, vault, now)
    await reached("vault.case_made")
    for key in lookups:
        lookup = {"id": parcel.case_id, "type": "vaultLookup", "caseId": key, "found": parcel.case_id}
        with contextlib.suppress(Conflict):
            await vault.cases.create(lookup)
    await reached("vault.found")
    about = about_part(parcel.case_id, parcel.part)
    body = sealed(case_key(case, month_key), packed(parcel.items), about)
    await vault.blobs.write(VAULT, blob_name(parcel.month, parcel.case_id, parcel.part), body)
    await reached("vault.sealed")
    await _changed(parcel, [], vault, parts={parcel.part: len(parcel.items)})
    await reached("vault.entered")


async def _keep_month(parcel: _Parcel, vault: VaultStore, now: datetime) -> None:
    """Let the timer know of the month before anything is sealed for it."""
    month = parcel.month
    if await vault.cases.read(month, MONTH_ITEM) is None:
        item = {"id": MONTH_ITEM, "type": "vaultMonth", "caseId": month, "createdAt": clock.text(now)}
        with contextlib.suppress(Conflict):
            await vault.cases.create(item | {"blockedUntil": midnight(parcel.until)})


async def _case(parcel: _Parcel, lookups: list[str], month_key: bytes, vault: VaultStore, now: datetime) -> Item:
    """The case, made at its first part; it names categories and look-ups before anything relies on them."""
    new_case = {
        "id": CASE_ITEM,
        "type": "vaultCase",
        "caseId": parcel.case_id,
        "requestId": parcel.request_id,
        "ground": parcel.ground,
        "categories": {blocked.category: blocked.why for blocked in parcel.categories},
        "lookups": lookups,
        "parts": {},
        "keyMonth": parcel.month,
        "wrappedKey": base64.b64encode(sealed(month_key, new_key(), about_case(parcel.case_id))).decode(),
        "blockedUntil": midnight(parcel.until),
        "createdAt": clock.text(now),
    }
    try:
        await vault.cases.create(new_case)
    except Conflict:
        return await _changed(parcel, lookups, vault, parts={})
    return new_case


async def _changed(parcel: _Parcel, lookups: list[str], vault: VaultStore, *, parts: dict[str, int]) -> Item:
    """The case with what this parcel adds to it."""
    for _ in range(_CHANGES_TRIED):
        case = await vault.cases.read(parcel.case_id, CASE_ITEM)
        if case is None:
            raise Stale("a case of the vault is gone")
        added = {
            "categories": case["categories"] | {blocked.category: blocked.why for blocked in parcel.categories},
            "lookups": sorted({*case["lookups"], *lookups}),
            "parts": case["parts"] | parts,
        }
        if all(case[name] == value for name, value in added.items()):
            return case
        with contextlib.suppress(Stale):
            await vault.cases.replace(declared(case) | added, case["_etag"])
            return declared(case) | added
    raise Problem("busy", retry_after_s=1)


async def _tell(person_id: str, parcel: _Parcel, *, vault: VaultStore, now: datetime) -> None:
    """Keep with the person what is blocked of theirs, so that their access is answered with it."""
    people = vault.database["people"]
    for blocked in parcel.categories:
        ends = datetime.combine(blocked.until, time(), UTC)
        item = {
            "id": f"blocked:{blocked.case_id}:{blocked.category}",
            "type": "blockedData",
            "personId": person_id,
            "caseId": blocked.case_id,
            "requestId": parcel.request_id,
            "category": blocked.category,
            "ground": parcel.ground,
            "why": blocked.why,
            "until": blocked.until.isoformat(),
            "at": clock.text(now),
            "expiresAt": clock.text(ends),
            "ttl": int((ends - now).total_seconds()),
        }
        try:
            with contextlib.suppress(Conflict):
                await write_behind_gate(people, person_id, [Create(item)])
            await reached("vault.told")
            details = {"caseId": blocked.case_id, "category": blocked.category, "until": blocked.until.isoformat()}
            name = f"blocked-{blocked.case_id}-{blocked.category}"
            step = Step(parcel.request_id, "data_blocked", SERVICE, details | {"ground": parcel.ground}, name)
            await record_about(person_id, step, database=vault.database, now=now)
        except Erased:  # there is nobody left to tell; who erases records it
            return


def midnight(day: date) -> str:
    """The begin of a day as stored times are written."""
    return clock.text(datetime.combine(day, time(), UTC))


def about_case(case_id: str) -> str:
    """What the key of a case is sealed as."""
    return f"case\n{case_id}"


def about_part(case_id: str, part: str) -> str:
    """What the body of a part is sealed as."""
    return f"part\n{case_id}\n{part}"


def case_key(case: Item, month_key: bytes) -> bytes:
    """The key of a case.

    Raises:
        Damaged: it was wrapped by another key.
    """
    return opened(month_key, base64.b64decode(case["wrappedKey"]), about_case(case["caseId"]))
