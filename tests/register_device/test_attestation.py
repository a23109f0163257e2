"""Attestation: only a monitor with its own key gets through, once per challenge, and is told nothing else."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest

from register_device.attestation import new_challenge, verify_attestation
from shared.errors import Problem
from shared.keys import KeySet, device_key
from tests.keys import symmetric_jwks

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
OLD_KEY, NEW_KEY = base64.b64encode(b"old group key").decode(), base64.b64encode(b"new group key").decode()
GROUPS = {"veo-wifi": [NEW_KEY, OLD_KEY]}
SERIAL = "VEO-000001"


def signed(
    challenge: str, *, serial: str = SERIAL, group: str = "veo-wifi", key: str = NEW_KEY, life_s: int = 60
) -> str:
    resource = quote(f"{serial}/challenges/{challenge}", safe="")
    expires = str(int(NOW.timestamp()) + life_s)
    signature = hmac.new(device_key(key, serial), f"{resource}\n{expires}".encode(), hashlib.sha256).digest()
    return f"sr={resource}&sig={quote(base64.b64encode(signature), safe='')}&se={expires}&skn={group}"


def refused(signature: str, keys: KeySet, now: datetime = NOW) -> str | None:
    """What staff are shown the number of; the caller is told one and the same thing."""
    with pytest.raises(Problem) as caught:
        verify_attestation(signature, group_keys=GROUPS, keys=keys, now=now)
    assert (caught.value.code, caught.value.pointer) == ("attestation_refused", None)
    return caught.value.counted


@pytest.mark.parametrize("key", [NEW_KEY, OLD_KEY])
def test_a_monitor_with_its_key_gets_through(device_keys: KeySet, key: str) -> None:
    """While a group key is replaced, monitors with either one get through."""
    challenge = new_challenge(SERIAL, keys=device_keys, now=NOW).challenge
    monitor, _ = verify_attestation(signed(challenge, key=key), group_keys=GROUPS, keys=device_keys, now=NOW)
    assert (monitor.serial_number, monitor.enrolment_group) == (SERIAL, "veo-wifi")


def test_every_challenge_is_another(device_keys: KeySet) -> None:
    """Its nonce makes a signature usable once."""
    challenges = [new_challenge(SERIAL, keys=device_keys, now=NOW).challenge for _ in range(2)]
    nonces = {verify_attestation(signed(one), group_keys=GROUPS, keys=device_keys, now=NOW)[1] for one in challenges}
    assert len(nonces) == 2


def test_a_challenge_of_another_monitor_is_refused(device_keys: KeySet) -> None:
    """A monitor cannot answer for another one."""
    challenge = new_challenge("VEO-000002", keys=device_keys, now=NOW).challenge
    assert refused(signed(challenge), device_keys) == "attestation.foreign_serial"


def test_a_key_of_another_monitor_is_refused(device_keys: KeySet) -> None:
    """The key is the monitor's own, not the group's."""
    challenge = new_challenge(SERIAL, keys=device_keys, now=NOW).challenge
    foreign = signed(challenge).replace(SERIAL, "VEO-000002")
    assert refused(foreign, device_keys) == "attestation.foreign_serial"


def test_an_unknown_group_is_refused(device_keys: KeySet) -> None:
    """A group that was revoked is one that is not there."""
    challenge = new_challenge(SERIAL, keys=device_keys, now=NOW).challenge
    assert refused(signed(challenge, group="revoked"), device_keys) == "attestation.unknown_group"


def test_a_wrong_group_key_is_refused(device_keys: KeySet) -> None:
    """Naming a group is not belonging to it."""
    challenge = new_challenge(SERIAL, keys=device_keys, now=NOW).challenge
    guessed = signed(challenge, key=base64.b64encode(b"guess").decode())
    assert refused(guessed, device_keys) == "attestation.wrong_signature"


def test_a_challenge_of_yesterday_is_refused(device_keys: KeySet) -> None:
    """It is good for a minute."""
    challenge = new_challenge(SERIAL, keys=device_keys, now=NOW).challenge
    late = NOW + timedelta(seconds=61)
    assert refused(signed(challenge), device_keys, late) == "attestation.expired_challenge"


@pytest.mark.parametrize("life_s", [-60, 0, 600])
def test_a_signature_with_an_expiry_of_its_own_is_refused(device_keys: KeySet, life_s: int) -> None:
    """The expiry that is signed is the challenge's."""
    challenge = new_challenge(SERIAL, keys=device_keys, now=NOW).challenge
    assert refused(signed(challenge, life_s=life_s), device_keys) == "attestation.wrong_signature"


def test_a_challenge_that_was_made_up_is_refused(device_keys: KeySet) -> None:
    """Only this service makes them."""
    forged = new_challenge(SERIAL, keys=KeySet(symmetric_jwks(), "HS256"), now=NOW).challenge
    assert refused(signed(forged), device_keys) == "attestation.forged_challenge"


@pytest.mark.parametrize("signature", ["", "sr=&sig=&se=&skn=", "sig=%FF", "x" * 5000])
def test_garbage_is_refused(device_keys: KeySet, signature: str) -> None:
    """Whatever the header holds, the answer is the same."""
    assert refused(signature, device_keys) == "attestation.malformed"
