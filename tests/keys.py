"""Keys for tests, made anew at every run."""

import base64
import json
import secrets
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm


def symmetric_jwks(kid: str = "dev-device") -> dict[str, list[dict[str, str]]]:
    """A JWK Set with one HMAC key."""
    key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")
    return {"keys": [{"kty": "oct", "k": key, "kid": kid, "alg": "HS256"}]}


def signing_jwks(kid: str = "dev-export") -> dict[str, list[dict[str, str]]]:
    """A JWK Set with one private P-256 key."""
    jwk: dict[str, Any] = json.loads(ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1())))
    return {"keys": [jwk | {"kid": kid, "alg": "ES256"}]}
