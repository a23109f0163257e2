"""Keys made for one machine. A deployed app refuses them, because their ids start with `dev-`."""

import base64
import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

DEVELOPMENT: Final = "dev-"
ENROLMENT_GROUP: Final = "veo-wifi-2026"
OWNER_ONLY: Final = 0o600


def _key_id() -> str:
    return DEVELOPMENT + secrets.token_hex(6)


def signing_jwk() -> dict[str, Any]:
    """A new private ES256 key as a JWK."""
    private = ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()), as_dict=True)
    return {**private, "kid": _key_id(), "alg": "ES256", "use": "sig"}


def public_part(jwk: Mapping[str, Any]) -> dict[str, Any]:
    """What of a private EC key anyone may see."""
    return {name: value for name, value in jwk.items() if name != "d"}


def _secret_jwk() -> dict[str, Any]:
    secret = base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()
    return {"kty": "oct", "k": secret, "kid": _key_id(), "alg": "HS256", "use": "sig"}


def development_keys() -> dict[str, str]:
    """New keys for every setting of the app that holds one, by the setting's name."""
    return {
        "BLUE_IDENTITY_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "BLUE_DEVICE_TOKEN_KEYS": json.dumps({"keys": [_secret_jwk()]}),
        "BLUE_EXPORT_KEYS": json.dumps({"keys": [signing_jwk()]}),
        "BLUE_VAULT_KEYS": json.dumps({"keys": [_secret_jwk() | {"alg": "A256GCMKW", "use": "enc"}]}),
        "BLUE_ENROLMENT_GROUPS": json.dumps({ENROLMENT_GROUP: [base64.b64encode(secrets.token_bytes(32)).decode()]}),
    }


def kept(file: Path) -> dict[str, str]:
    """The keys in `file`; those it lacks are made and added."""
    stored: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    keys = development_keys() | stored
    if keys != stored:
        write_secret(file, keys)
    return keys


def write_secret(file: Path, content: Mapping[str, Any]) -> None:
    """Write JSON that only this user can read."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=OWNER_ONLY)
    file.chmod(OWNER_ONLY)
    file.write_text(json.dumps(content, indent=2) + "\n")
