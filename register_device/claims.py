"""Claims: permission to pair one monitor with an account, shown to the monitor as a QR code or typed into it.

The QR code holds 192 random bits. The typed code holds 40, is good for as long, and each monitor has a few tries, which
are counted before it is said whether the code is right: simultaneous guesses get no more of them.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import choice, token_urlsafe
from typing import Final

from register_device.contract.monitors import ClaimIssued
from shared import clock, data_map
from shared.cosmos import Conflict, Container, Item, Stale, declared
from shared.errors import Problem
from shared.injection import reached
from shared.keys import keyed_id
from shared.people import new_id

CLAIM_LIFE: Final = timedelta(minutes=10)
SECRET_BYTES: Final = 24
CODE_LENGTH: Final = 8
"""40 bits: 5 in each character."""

TRIES: Final = 5
"""Claims that a monitor may try in vain within ten minutes."""

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: without letters that are taken for digits or for each other."""

_CODE: Final = re.compile(f"[{_ALPHABET}]{{{CODE_LENGTH}}}")
_MISREAD: Final = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})
_CHANGES_TRIED: Final = 20


@dataclass(frozen=True, slots=True)
class Claim:
    """A redeemed claim: who asked for it, and the period of ownership that it founds should it found one."""

    person_id: str
    ownership_id: str
    bound_at: datetime
    country: str | None = None


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


async def issue_claim(
    person_id: str, *, claims: Container, identity_key: bytes, now: datetime, country: str | None = None
) -> ClaimIssued:
    """Make a claim; only hashes of its secret and its code are stored. Asking again makes another one."""
    claim_id, secret = new_id(), token_urlsafe(SECRET_BYTES)
    redeemable_until = now + CLAIM_LIFE
    retention = data_map.retention("claims", "claim")
    kept = {
        "createdAt": clock.text(now),
        "expiresAt": clock.text(now + retention),
        "ttl": int(retention.total_seconds()),
    }
    claim: Item = {
        "id": claim_id,
        "type": "claim",
        "claimId": claim_id,
        "secretHash": _hash(secret),
        "personId": person_id,
        "ownershipId": new_id(),
        "redeemableUntil": clock.text(redeemable_until),
        **kept,
    }
    if country is not None:
        claim["country"] = country
    await claims.create(claim)
    while True:
        code = "".join(choice(_ALPHABET) for _ in range(CODE_LENGTH))
        key = keyed_id(identity_key, "claimCode", code)
        try:
            await claims.create({"id": key, "type": "claimCode", "claimId": key, "namedClaimId": claim_id, **kept})
        except Conflict:  # one in a million millions: another claim of today has that code
            continue
        return ClaimIssued(
            claim_id=claim_id,
            claim=f"{claim_id}.{secret}",
            code=f"{code[: CODE_LENGTH // 2]}-{code[CODE_LENGTH // 2 :]}",
            expires_at=redeemable_until,
        )


async def redeem_claim(shown: str, device_id: str, *, claims: Container, identity_key: bytes, now: datetime) -> Claim:
    """Bind a claim to the first device that shows it. That device may show it again while the claim is kept.

    Raises:
        Problem: claim_unknown, claim_used (by another device), claim_expired or claim_tries_used_up.
    """
    code = shown.upper().translate(_MISREAD)
    if _CODE.fullmatch(code):
        item = await _claim_of_code(code, device_id, claims=claims, identity_key=identity_key, now=now)
    else:
        item = await _claim_of_secret(shown, claims=claims)  # a secret of 192 bits needs no limit to be found wrong
        if item is None:
            await _count_try(device_id, claims=claims, now=now)
    if item is None:
        raise Problem("claim_unknown", counted="claim.unknown")
    if "boundDeviceId" not in item:
        item = await _bound(item, device_id, claims=claims, now=now)
    if item["boundDeviceId"] != device_id:
        raise Problem("claim_used")
    return Claim(item["personId"], item["ownershipId"], clock.moment(item["boundAt"]), item.get("country"))


async def _claim_of_secret(shown: str, *, claims: Container) -> Item | None:
    claim_id, _, secret = shown.partition(".")
    item = await claims.read(claim_id, claim_id) if claim_id.isalnum() else None
    if item is None or item["type"] != "claim" or not hmac.compare_digest(item["secretHash"], _hash(secret)):
        return None
    return item


async def _claim_of_code(
    code: str, device_id: str, *, claims: Container, identity_key: bytes, now: datetime
) -> Item | None:
    key = keyed_id(identity_key, "claimCode", code)
    named = await claims.read(key, key)
    item = await claims.read(named["namedClaimId"], named["namedClaimId"]) if named is not None else None
    if item is not None and item.get("boundDeviceId") == device_id:
        return item  # its own, once more: nothing is learnt by that
    # Nothing is said of what was found before the try is counted.
    await _count_try(device_id, claims=claims, now=now)
    await reached("claim.try_counted")
    if item is not None:
        # Its own try is given back and not all of them: a right code would buy whoever has an account more guesses.
        await _give_back(device_id, claims=claims, now=now)
    return item


async def _refuse_too_many(device_id: str, *, claims: Container, now: datetime) -> Item | None:
    """The tries of a monitor that has some left; they may have lapsed.

    Raises:
        Problem: claim_tries_used_up.
    """
    tries = await claims.read(device_id, device_id)
    if tries is not None and tries["count"] >= TRIES and not _lapsed(tries, now):
        wait_s = int((clock.moment(tries["expiresAt"]) - now).total_seconds()) + 1
        raise Problem("claim_tries_used_up", retry_after_s=wait_s, counted="claim.too_many_tries")
    return tries


def _lapsed(tries: Item, now: datetime) -> bool:
    return now >= clock.moment(tries["expiresAt"])


async def _count_try(device_id: str, *, claims: Container, now: datetime) -> None:
    """Count one more try; all are forgotten ten minutes after the first one.

    Raises:
        Problem: claim_tries_used_up; busy, when other requests of this monitor kept changing it.
    """
    for _ in range(_CHANGES_TRIED):
        tries = await _refuse_too_many(device_id, claims=claims, now=now)
        if tries is None or _lapsed(tries, now):
            count, expires_at = 1, now + data_map.retention("claims", "claimTries")
        else:
            count, expires_at = tries["count"] + 1, clock.moment(tries["expiresAt"])
        item = _tries_item(device_id, count, expires_at, now)
        try:
            await (claims.create(item) if tries is None else claims.replace(item, tries["_etag"]))
        except (Conflict, Stale):
            continue
        return
    raise Problem("busy", retry_after_s=1)


async def _give_back(device_id: str, *, claims: Container, now: datetime) -> None:
    """Take back one try: that of a right code."""
    for _ in range(_CHANGES_TRIED):
        tries = await claims.read(device_id, device_id)
        if tries is None or _lapsed(tries, now):
            return
        item = _tries_item(device_id, tries["count"] - 1, clock.moment(tries["expiresAt"]), now)
        try:
            await claims.replace(item, tries["_etag"])
        except Stale:
            continue
        return


def _tries_item(device_id: str, count: int, expires_at: datetime, now: datetime) -> Item:
    return {
        "id": device_id,
        "type": "claimTries",
        "claimId": device_id,
        "count": count,
        "expiresAt": clock.text(expires_at),
        "ttl": max(1, int((expires_at - now).total_seconds())),  # a TTL counts from the last write
    }


async def _bound(item: Item, device_id: str, *, claims: Container, now: datetime) -> Item:
    if now >= clock.moment(item["redeemableUntil"]):
        raise Problem("claim_expired")
    remaining_s = int((clock.moment(item["expiresAt"]) - now).total_seconds())
    bound = declared(item) | {
        "boundDeviceId": device_id,
        "boundAt": clock.text(now),
        "ttl": max(1, remaining_s),  # a TTL counts from the last write
    }
    try:
        await claims.replace(bound, item["_etag"])
    except Stale:  # another monitor was faster, or this one asked twice at once
        winner = await claims.read(item["claimId"], item["claimId"])
        if winner is None:
            raise Problem("claim_expired") from None
        return winner
    return bound
