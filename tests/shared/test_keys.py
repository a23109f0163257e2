"""Device tokens, challenges and detached signatures."""

from datetime import UTC, datetime, timedelta

import jwt
import pytest

from shared.errors import Problem
from shared.keys import (
    CHALLENGE_LIFE,
    DEVICE_TOKEN_LIFE,
    DeviceToken,
    KeySet,
    issue_challenge,
    issue_device_token,
    keyed_id,
    read_challenge,
    read_device_token,
    wrapping_key,
)
from shared.policy import Policy, Window
from tests.keys import signing_jwks, symmetric_jwks

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOKEN = DeviceToken(
    "device", "ownership", Policy(epoch=3, start=NOW, windows={"usage": (Window(NOW),)}), "veo-wifi", "facts"
)


@pytest.fixture
def keys() -> KeySet:
    return KeySet(symmetric_jwks(), "HS256")


def test_a_device_token_says_what_it_was_given(keys: KeySet) -> None:
    """Admission needs no database read: device, ownership and policy are in the token."""
    token, expires_at = issue_device_token(TOKEN, keys=keys, now=NOW)
    assert read_device_token(token, keys=keys, now=NOW) == TOKEN
    assert expires_at == NOW + DEVICE_TOKEN_LIFE


def test_an_expired_device_token_says_so(keys: KeySet) -> None:
    """The monitor renews it then."""
    token, _ = issue_device_token(TOKEN, keys=keys, now=NOW)
    with pytest.raises(Problem) as caught:
        read_device_token(token, keys=keys, now=NOW + DEVICE_TOKEN_LIFE)
    assert caught.value.code == "token_expired"


def test_a_forged_device_token_is_refused(keys: KeySet) -> None:
    """A token with our key id and another key's signature is not ours."""
    forged, _ = issue_device_token(TOKEN, keys=KeySet(symmetric_jwks(), "HS256"), now=NOW)
    with pytest.raises(Problem) as caught:
        read_device_token(forged, keys=keys, now=NOW)
    assert caught.value.code == "token_invalid"


def test_a_token_by_an_unknown_key_is_foreign(keys: KeySet) -> None:
    """A token of another issuer names a key that we do not have."""
    other, _ = issue_device_token(TOKEN, keys=KeySet(symmetric_jwks("other"), "HS256"), now=NOW)
    with pytest.raises(Problem) as caught:
        read_device_token(other, keys=keys, now=NOW)
    assert caught.value.code == "token_foreign"


def test_an_unsigned_token_is_refused(keys: KeySet) -> None:
    """The algorithm is ours to choose, not the token's."""
    unsigned = jwt.encode({"aud": "blue-telemetry", "exp": 1}, key="", algorithm="none", headers={"kid": "dev-device"})
    with pytest.raises(Problem) as caught:
        read_device_token(unsigned, keys=keys, now=NOW)
    assert caught.value.code == "token_invalid"


def test_no_character_of_a_device_token_can_be_changed(keys: KeySet) -> None:
    """Nor can one be left out or put in, at any place: what is good is what was signed, to the letter."""
    token, _ = issue_device_token(TOKEN, keys=keys, now=NOW)
    for place in range(len(token)):
        before, here, behind = token[:place], token[place], token[place + 1 :]
        for changed in ("A" if here != "A" else "B", "", here * 2, f"{here}\N{LATIN SMALL LETTER E WITH ACUTE}"):
            with pytest.raises(Problem, match=r"token_invalid|token_foreign"):
                read_device_token(before + changed + behind, keys=keys, now=NOW)


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"aud": "blue-telemetry"}, "token_invalid"),
        ({"exp": 4_000_000_000}, "token_invalid"),
        ({"aud": "blue-telemetry", "exp": 4_000_000_000, "nbf": 3_900_000_000}, "token_invalid"),
        ({"aud": ["another"], "exp": 4_000_000_000}, "token_foreign"),
        ({"aud": "blue-telemetry", "exp": NOW.timestamp()}, "token_expired"),
        ({"aud": ["another", "blue-telemetry"], "exp": int(NOW.timestamp())}, "token_expired"),
    ],
)
def test_a_token_of_our_key_that_is_none_of_ours_says_why(keys: KeySet, claims: dict[str, object], code: str) -> None:
    """Whatever else the key signed is held against the standard."""
    with pytest.raises(Problem, match=code):
        keys.verify(keys.sign(claims), audience="blue-telemetry", now=NOW)


def test_a_challenge_is_no_device_token(keys: KeySet) -> None:
    """Both are signed by the same key, and each is good for one purpose."""
    challenge, _ = issue_challenge("serial", "nonce", keys=keys, now=NOW)
    with pytest.raises(Problem) as caught:
        read_device_token(challenge, keys=keys, now=NOW)
    assert caught.value.code == "token_foreign"


def test_a_challenge_names_serial_and_nonce_for_a_minute(keys: KeySet) -> None:
    """It is good for sixty seconds of the service's time, whatever the monitor's clock says."""
    challenge, expires_at = issue_challenge("serial", "nonce", keys=keys, now=NOW)
    assert expires_at == NOW + CHALLENGE_LIFE
    assert read_challenge(challenge, keys=keys, now=NOW + timedelta(seconds=59)) == (
        "serial",
        "nonce",
        int(expires_at.timestamp()),
    )
    with pytest.raises(Problem):
        read_challenge(challenge, keys=keys, now=NOW + CHALLENGE_LIFE)


def test_keys_rotate_with_overlap() -> None:
    """The new key signs, the old one still verifies."""
    old, new = symmetric_jwks("old"), symmetric_jwks("new")
    before = KeySet(old, "HS256")
    during = KeySet({"keys": new["keys"] + old["keys"]}, "HS256")
    token, _ = issue_device_token(TOKEN, keys=before, now=NOW)
    assert read_device_token(token, keys=during, now=NOW) == TOKEN
    renewed, _ = issue_device_token(TOKEN, keys=during, now=NOW)
    assert jwt.get_unverified_header(renewed)["kid"] == "new"


def test_a_detached_signature_fits_its_payload_alone() -> None:
    """Not another payload, not another key; and a key that was retired still verifies by its public part."""
    retired = KeySet(signing_jwks("retired"), "ES256")
    signature = retired.sign_detached(b"payload")
    assert retired.verify_detached(b"payload", signature)
    assert not retired.verify_detached(b"Payload", signature)
    assert not retired.verify_detached(b"payload", "no.signature.")
    assert not KeySet(signing_jwks("retired"), "ES256").verify_detached(b"payload", signature)
    assert not KeySet(signing_jwks("other"), "ES256").verify_detached(b"payload", signature)
    now = KeySet({"keys": signing_jwks("new")["keys"] + retired.public()["keys"]}, "ES256")
    assert now.verify_detached(b"payload", signature)


def test_published_keys_hold_no_private_part() -> None:
    """What anybody can fetch verifies, and signs nothing."""
    published = KeySet(signing_jwks(), "ES256").public()["keys"][0]
    assert published.keys() == {"kty", "crv", "x", "y", "kid", "alg", "use"}


def test_keyed_ids_depend_on_key_kind_and_value() -> None:
    """The same serial number is another id under another key, or for another purpose."""
    ids = {
        keyed_id(b"k", "device", "1"),
        keyed_id(b"K", "device", "1"),
        keyed_id(b"k", "staff", "1"),
        keyed_id(b"k", "device", "2"),
    }
    assert len(ids) == 4


@pytest.mark.parametrize("change", [{"kty": "RSA"}, {"k": "c2hvcnQ"}, {"k": "?"}, {"kid": ""}])
def test_a_wrapping_key_is_an_oct_key_of_32_bytes(change: dict[str, str]) -> None:
    """A shorter one would seal all the same."""
    [jwk] = symmetric_jwks()["keys"]
    assert len(wrapping_key(jwk)) == 32
    with pytest.raises(ValueError, match=r"no such key|padding|base64"):
        wrapping_key(jwk | change)
