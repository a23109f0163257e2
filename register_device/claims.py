"""Claims: permission to pair one monitor with an account, handed to the monitor through its QR reader."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_urlsafe
from typing import Final

from register_device.contract.monitors import ClaimIssued
from shared import clock, data_map
from shared.cosmos import Container, Item, Stale, declared
from shared.errors import Problem
from shared.people import new_id

CLAIM_LIFE: Final = timedelta(minutes=10)
SECRET_BYTES: Final = 24


@dataclass(frozen=True, slots=True)
class Claim:
    """A redeemed claim: who asked for it, and the period of ownership that it founds should it found one."""

    person_id: str
    ownership_id: str
    bound_at: datetime


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


async def issue_claim(person_id: str, *, claims: Container, now: datetime) -> ClaimIssued:
    """Make a claim; only the hash of its secret is stored."""
    claim_id, secret = new_id(), token_urlsafe(SECRET_BYTES)
    redeemable_until = now + CLAIM_LIFE
    retention = data_map.retention("claims", "claim")
    await claims.create(
        {
            "id": claim_id,
            "type": "claim",
            "claimId": claim_id,
            "secretHash": _hash(secret),
            "personId": person_id,
            "ownershipId": new_id(),
            "createdAt": clock.text(now),
            "redeemableUntil": clock.text(redeemable_until),
            "expiresAt": clock.text(now + retention),
            "ttl": int(retention.total_seconds()),
        }
    )
    return ClaimIssued(claim_id=claim_id, claim=f"{claim_id}.{secret}", expires_at=redeemable_until)


async def redeem_claim(claim: str, device_id: str, *, claims: Container, now: datetime) -> Claim:
    """Bind a claim to the first device that shows it. That device may show it again while the claim is kept.

    Raises:
        Problem: claim_unknown, claim_used (by another device) or claim_expired.
    """
    claim_id, _, secret = claim.partition(".")
    item = await claims.read(claim_id, claim_id) if claim_id.isalnum() else None
    if item is None or item["type"] != "claim" or not hmac.compare_digest(item["secretHash"], _hash(secret)):
        raise Problem("claim_unknown")
    if "boundDeviceId" not in item:
        item = await _bound(item, device_id, claims=claims, now=now)
    if item["boundDeviceId"] != device_id:
        raise Problem("claim_used")
    return Claim(item["personId"], item["ownershipId"], clock.moment(item["boundAt"]))


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
