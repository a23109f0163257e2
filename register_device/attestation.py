"""Attestation: a monitor proves its make by signing a challenge with its own key, derived from an enrolment group key.

The signature has the SharedAccessSignature format of Azure DPS. Its resource (`sr`) holds serial number and challenge,
its expiry (`se`) is the challenge's, so a monitor needs no clock. A signature counts once.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from secrets import token_hex
from typing import Final
from urllib.parse import parse_qsl, quote

from register_device.contract.monitors import ChallengeIssued
from shared import clock, data_map
from shared.admission import Admission
from shared.callers import AttestedMonitor, Caller
from shared.cosmos import Conflict, Container
from shared.counters import Counted
from shared.errors import Problem
from shared.keys import KeySet, device_key, issue_challenge, read_challenge
from shared.services import Services

_SCHEME: Final = "sharedaccesssignature"
_NO_KEY: Final = base64.b64encode(bytes(32)).decode()


def new_challenge(serial_number: str, *, keys: KeySet, now: datetime) -> ChallengeIssued:
    """Make a challenge; nothing is stored until it comes back signed."""
    challenge, expires_at = issue_challenge(serial_number, token_hex(16), keys=keys, now=now)
    return ChallengeIssued(
        challenge=challenge, server_time=now, expires_at=expires_at, expires=int(expires_at.timestamp())
    )


def refused(reason: Counted) -> Problem:
    """What a monitor is told that is not let in: always the same. The reason is counted for staff."""
    return Problem("attestation_refused", counted=reason)


async def _admit_attested(authorization: str | None, services: Services) -> Caller:
    scheme, _, signature = (authorization or "").partition(" ")
    if scheme.lower() != _SCHEME:
        raise Problem("token_missing")
    group_keys = {
        group: [key.get_secret_value() for key in keys] for group, keys in services.settings.enrolment_groups.items()
    }
    now = services.clock()
    caller, nonce = verify_attestation(signature, group_keys=group_keys, keys=services.device_keys, now=now)
    await _use_once(nonce, claims=services.database["claims"], now=now)
    return caller


ATTESTED: Final = Admission("attested monitor", "attestation", _admit_attested)


def verify_attestation(
    signature: str, *, group_keys: Mapping[str, Sequence[str]], keys: KeySet, now: datetime
) -> tuple[AttestedMonitor, str]:
    """The monitor that signed, and the nonce of its challenge. The caller is not told what was wrong.

    Raises:
        Problem: attestation_refused, counted by its reason.
    """
    parts = dict(parse_qsl(signature))
    resource, group = parts.get("sr", ""), parts.get("skn", "")
    serial_number, _, challenge = resource.partition("/challenges/")
    if not challenge:
        raise refused("attestation.malformed")
    signed = f"{quote(resource, safe='')}\n{parts.get('se', '')}".encode()
    expected = [
        base64.b64encode(hmac.new(device_key(key, serial_number), signed, hashlib.sha256).digest())
        for key in group_keys.get(group) or [_NO_KEY]  # the time must not tell that there is no such group
    ]
    # every key of the group is compared, so that the time does not tell which one it was
    matches = [hmac.compare_digest(parts.get("sig", "").encode(), one) for one in expected]
    try:
        challenged, nonce, expires = read_challenge(challenge, keys=keys, now=now)
    except Problem as problem:
        expired = problem.code == "token_expired"
        raise refused("attestation.expired_challenge" if expired else "attestation.forged_challenge") from problem
    if not group_keys.get(group):
        raise refused("attestation.unknown_group")
    if challenged != serial_number:
        raise refused("attestation.foreign_serial")
    if not any(matches) or parts.get("se") != str(expires):
        raise refused("attestation.wrong_signature")
    return AttestedMonitor(serial_number, group), nonce


async def _use_once(nonce: str, *, claims: Container, now: datetime) -> None:
    retention = data_map.retention("claims", "attestation")
    try:
        await claims.create(
            {
                "id": nonce,
                "type": "attestation",
                "claimId": nonce,
                "expiresAt": clock.text(now + retention),
                "ttl": int(retention.total_seconds()),
            }
        )
    except Conflict as conflict:
        raise refused("attestation.replay") from conflict
