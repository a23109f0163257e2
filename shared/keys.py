"""Keys and what is signed with them: device access tokens, and detached signatures of exports."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from shared.callers import Recipient
from shared.errors import Problem
from shared.policy import Policy

DEVICE_TOKEN_LIFE: Final = timedelta(hours=1)
"""How long a device access token is good for, and so the longest that a monitor takes to learn of a changed policy."""

_DEVICE_AUDIENCE: Final = "blue-telemetry"
_CHALLENGE_AUDIENCE: Final = "blue-attestation"
_RECIPIENT_AUDIENCE: Final = "blue-recipients"
_BEFORE_ANY_EXPIRY: Final = datetime(1970, 1, 1, tzinfo=UTC)
WRAPPING_KEY_BYTES: Final = 32
"""Of a key that wraps others, and of those."""

CHALLENGE_LIFE: Final = timedelta(seconds=60)
ACKNOWLEDGEMENT_LIFE: Final = timedelta(days=30)


class KeySet:
    """A JWK Set: the first key signs, all verify, so that a key is replaced by putting the new one first."""

    def __init__(self, jwks: Mapping[str, Any], algorithm: str) -> None:
        """Take the parsed JWK Set and the one algorithm that all its keys are for."""
        import jwt  # noqa: PLC0415 - loaded where used: it takes longer than all of this package

        self._keys = {key.key_id or "": key for key in jwt.PyJWKSet(list(jwks["keys"])).keys}
        self._signing = next(iter(self._keys.values()))
        self._jwks = jwks
        self.algorithm = algorithm
        self._macs = self._mac_keys() if algorithm == "HS256" else {}

    def _mac_keys(self) -> dict[str, bytes]:
        """Each key by the header that `sign` writes before its tokens."""
        import jwt  # noqa: PLC0415 - loaded where used: it takes longer than all of this package

        return {
            jwt.encode({}, key.key, algorithm=self.algorithm, headers={"kid": kid}).partition(".")[0]: key.key
            for kid, key in self._keys.items()
        }

    def sign(self, claims: Mapping[str, Any]) -> str:
        """A compact JWT."""
        import jwt  # noqa: PLC0415 - loaded where used: it takes longer than all of this package

        return jwt.encode(
            dict(claims), self._signing.key, algorithm=self.algorithm, headers={"kid": self._signing.key_id}
        )

    def sign_detached(self, payload: bytes) -> str:
        """A JWS whose payload travels apart (RFC 7797)."""
        import jwt  # noqa: PLC0415 - loaded where used: it takes longer than all of this package

        return jwt.PyJWS().encode(
            payload,
            self._signing.key,
            algorithm=self.algorithm,
            headers={"kid": self._signing.key_id},
            is_payload_detached=True,
        )

    def verify_detached(self, payload: bytes, signature: str) -> bool:
        """Whether `sign_detached` of one of these keys made the signature over this payload."""
        import jwt  # noqa: PLC0415 - loaded where used: it takes longer than all of this package

        try:
            key = self._keys.get(jwt.get_unverified_header(signature).get("kid", ""))
            if key is None:
                return False
            jwt.PyJWS().decode(signature, key.key, algorithms=[self.algorithm], detached_payload=payload)
        except jwt.InvalidTokenError:
            return False
        return True

    def verify(self, token: str, *, audience: str, now: datetime) -> dict[str, Any]:
        """The claims of a token that one of these keys signed for `audience`.

        Raises:
            Problem: token_invalid, token_foreign or token_expired.
        """
        claims = self._own(token, audience) or self._verified(token, audience)
        if claims["exp"] <= now.timestamp():  # the clock is a parameter, so the library's own check is off
            raise Problem("token_expired")
        return claims

    def _own(self, token: str, audience: str) -> dict[str, Any] | None:
        """The claims of a token that is to the letter as `sign` writes it; what is not so is for the library to judge.

        Every message of a monitor comes with one, and the library looks at each of its characters by itself.
        """
        signed, _, signature = token.rpartition(".")
        header, _, payload = signed.partition(".")
        key = self._macs.get(header)
        if key is None or not token.isascii():
            return None
        mac = base64.urlsafe_b64encode(hmac.digest(key, signed.encode(), "sha256")).rstrip(b"=")
        if not hmac.compare_digest(mac, signature.encode()):
            return None
        try:
            claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        except ValueError:
            return None
        is_plain = isinstance(claims, dict) and claims.get("aud") == audience and type(claims.get("exp")) is int
        return claims if is_plain and "nbf" not in claims else None

    def _verified(self, token: str, audience: str) -> dict[str, Any]:
        import jwt  # noqa: PLC0415 - loaded where used: it takes longer than all of this package

        try:
            # Of the header alone: the library would read the whole token, and then once more to verify it.
            header = jwt.get_unverified_header(f"{token.partition('.')[0]}..")
            key = self._keys.get(header.get("kid", ""))
            if key is None:
                raise Problem("token_foreign")
            claims: dict[str, Any] = jwt.decode(
                token,
                key.key,
                algorithms=[self.algorithm],
                audience=audience,
                options={"verify_exp": False, "verify_iat": False, "require": ["exp", "aud"]},
            )
        except jwt.InvalidAudienceError as error:
            raise Problem("token_foreign") from error
        except jwt.InvalidTokenError as error:
            raise Problem("token_invalid") from error
        return claims

    def public(self) -> dict[str, list[dict[str, str]]]:
        """The JWK Set without private parts, for those who verify."""
        public_parts = ("kty", "crv", "x", "y", "kid", "alg")
        return {
            "keys": [
                {part: key[part] for part in public_parts if part in key} | {"use": "sig"} for key in self._jwks["keys"]
            ]
        }


@dataclass(frozen=True, slots=True)
class DeviceToken:
    """What a verified device access token says."""

    device_id: str
    ownership_id: str
    policy: Policy
    group: str
    """The enrolment group that proved the monitor's make."""
    facts: str
    """Fingerprint of what the monitor last said of itself."""
    product: Mapping[str, str] = field(default_factory=dict)
    """Model, firmware and region, so that statistics need not look them up."""


def issue_device_token(token: DeviceToken, *, keys: KeySet, now: datetime) -> tuple[str, datetime]:
    """Sign a device access token; it carries the policy, so that admission needs no database read."""
    expires_s = int((now + DEVICE_TOKEN_LIFE).timestamp())
    claims = {
        "aud": _DEVICE_AUDIENCE,
        "sub": token.device_id,
        "own": token.ownership_id,
        "pol": token.policy.claims(),
        "grp": token.group,
        "fct": token.facts,
        "prd": dict(token.product),
        "iat": int(now.timestamp()),
        "exp": expires_s,
    }
    return keys.sign(claims), datetime.fromtimestamp(expires_s, UTC)


def read_device_token(token: str, *, keys: KeySet, now: datetime) -> DeviceToken:
    """Verify a device access token.

    Raises:
        Problem: token_invalid, token_foreign or token_expired.
    """
    return _device_token(keys.verify(token, audience=_DEVICE_AUDIENCE, now=now))


def read_stale_device_token(token: str, *, keys: KeySet) -> DeviceToken | None:
    """What a token said, expired or not; None when it is none of ours. It proves nothing about who shows it."""
    try:
        return _device_token(keys.verify(token, audience=_DEVICE_AUDIENCE, now=_BEFORE_ANY_EXPIRY))
    except Problem:
        return None


def _device_token(claims: Mapping[str, Any]) -> DeviceToken:
    return DeviceToken(
        claims["sub"],
        claims["own"],
        Policy.from_claims(claims["pol"]),
        claims.get("grp", ""),
        claims.get("fct", ""),
        claims.get("prd", {}),
    )


def issue_challenge(serial_number: str, nonce: str, *, keys: KeySet, now: datetime) -> tuple[str, datetime]:
    """A signed challenge for one monitor; it carries the service's time, for monitors that do not know theirs."""
    expires = int((now + CHALLENGE_LIFE).timestamp())
    claims = {"aud": _CHALLENGE_AUDIENCE, "sub": serial_number, "jti": nonce, "exp": expires}
    return keys.sign(claims), datetime.fromtimestamp(expires, UTC)


def read_challenge(challenge: str, *, keys: KeySet, now: datetime) -> tuple[str, str, int]:
    """Serial number, nonce and expiry (seconds since 1970) of a challenge that is still good.

    Raises:
        Problem: as `KeySet.verify`.
    """
    claims = keys.verify(challenge, audience=_CHALLENGE_AUDIENCE, now=now)
    return claims["sub"], claims["jti"], claims["exp"]


def wrapping_key(jwk: Mapping[str, Any]) -> bytes:
    """The key of an `oct` JWK of 32 bytes.

    Raises:
        ValueError: it is none.
    """
    written = str(jwk.get("k", ""))
    key = base64.urlsafe_b64decode(written + "=" * (-len(written) % 4))
    if jwk.get("kty") != "oct" or len(key) != WRAPPING_KEY_BYTES or not jwk.get("kid"):
        raise ValueError("it is no such key")
    return key


def issue_acknowledgement_token(recipient: Recipient, *, keys: KeySet, now: datetime) -> str:
    """A token by which a recipient acknowledges one notice later; it comes with the notice, and nobody else has it."""
    claims = {
        "aud": _RECIPIENT_AUDIENCE,
        "sub": recipient.name,
        "req": recipient.request_id,
        "evt": recipient.event,
        "exp": int((now + ACKNOWLEDGEMENT_LIFE).timestamp()),
    }
    return keys.sign(claims)


def read_acknowledgement_token(token: str, *, keys: KeySet, now: datetime) -> Recipient:
    """Which recipient may acknowledge what.

    Raises:
        Problem: as `KeySet.verify`.
    """
    claims = keys.verify(token, audience=_RECIPIENT_AUDIENCE, now=now)
    return Recipient(claims["sub"], claims["req"], claims["evt"])


def keyed_id(key: bytes, kind: str, value: str) -> str:
    """A stable 128-bit id of something that must not be stored in clear; `kind` keeps the uses of the key apart."""
    return hmac.new(key, f"{kind}\n{value}".encode(), hashlib.sha256).hexdigest()[:32]


def device_key(group_key: str, serial_number: str) -> bytes:
    """The symmetric key of one monitor, derived as Azure DPS derives it from an enrolment group key (base64)."""
    return hmac.new(base64.b64decode(group_key), serial_number.encode(), hashlib.sha256).digest()
