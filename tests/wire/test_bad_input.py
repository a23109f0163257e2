"""Bad input over HTTP: each its own code and status, nothing stored, nothing personal echoed or logged."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from local.monitor import Monitor
from tests.wire.conftest import PERSONAL, Household, Stored, call, envelope

INSTALLATION = json.loads((Path(__file__).parent.parent / "payloads" / "apptoken_request_ios_2026.json").read_text())
SECRET = "maria.personal@secret.example"
PERSONAL.add(SECRET)


def written(**changes: Any) -> bytes:
    return json.dumps(INSTALLATION | changes).encode()


@pytest.mark.parametrize(
    ("body", "encoding", "status", "code"),
    [
        (written(nickname=SECRET), None, 422, "field_unknown"),
        (written(**{SECRET: 1}), None, 422, "field_unknown"),
        (written(active=SECRET), None, 422, "field_wrong_type"),
        (written(os=None), None, 422, "field_wrong_type"),
        (written(locale=SECRET * 3), None, 422, "field_out_of_range"),
        (b'{"token": "x"}', None, 422, "field_missing"),
        (written(token="x" * 300_000), None, 413, "body_too_large"),
        (written()[:-20], None, 400, "body_unreadable"),
        (b"", None, 400, "body_unreadable"),
        (SECRET.encode(), "gzip", 400, "compression_invalid"),
        (gzip.compress(written())[:-5], "gzip", 400, "compression_invalid"),
        (gzip.compress(b" " * 2_000_000), "gzip", 413, "body_too_large"),
        (written(), "br", 415, "encoding_unsupported"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_bad_body_is_refused_and_nothing_of_it_kept(
    household: Household, stored: Stored, body: bytes, encoding: str | None, status: int, code: str
) -> None:
    """The answer names the fault and repeats nothing that was sent."""
    before = await stored.everything()
    authorization = f"Bearer {await household.token()}"
    problem = await household.refused(
        "POST", "/api/me/app-installations", body, authorization=authorization, encoding=encoding
    )
    assert (problem.status, problem.code) == (status, code)
    assert SECRET not in str(problem)
    assert await stored.everything() == before


async def test_no_token_is_refused_before_anything_is_looked_at(household: Household) -> None:
    """Whatever the body, the path's ids or the existence of what they name."""
    for path in ("/api/me/app-installations", "/api/me/devices/x/support-cases", "/api/telemetry", "/api/me/exports"):
        problem = await household.refused("POST", path, b"not json")
        assert (problem.status, problem.code) == (401, "token_missing")


async def test_an_expired_token_is_refused(household: Household) -> None:
    """The app signs in again."""
    token = await household.token(lifetimeSeconds=-10)
    problem = await household.refused("GET", "/api/me", None, authorization=f"Bearer {token}")
    assert (problem.status, problem.code) == (401, "token_expired")


async def test_a_token_for_another_service_is_refused(household: Household) -> None:
    """The same provider, the same person, another audience."""
    token = await household.token(audience="another-app")
    problem = await household.refused("GET", "/api/me", None, authorization=f"Bearer {token}")
    assert (problem.status, problem.code) == (401, "token_foreign")


async def test_a_forged_token_is_refused(household: Household) -> None:
    """A character of the payload changed."""
    head, payload, signature = (await household.token()).split(".")
    forged = ".".join((head, payload[:-2] + ("A" if payload[-2] != "A" else "B") + payload[-1], signature))
    problem = await household.refused("GET", "/api/me", None, authorization=f"Bearer {forged}")
    assert (problem.status, problem.code) == (401, "token_invalid")


@pytest.mark.parametrize("garbage", ["x", "x.y.z", "é", "e30.e30."])
async def test_garbage_is_no_token(household: Household, garbage: str) -> None:
    """Anything but a token of the provider."""
    problem = await household.refused("GET", "/api/me", None, authorization=f"Bearer {garbage}")
    assert problem.status == 401
    assert problem.code in {"token_invalid", "token_foreign"}


async def test_each_kind_of_caller_has_a_token_of_its_own(household: Household) -> None:
    """A monitor's token opens nothing of the resident's, and the other way round."""
    assert household.monitor.access is not None
    device_token = household.monitor.access.token
    problem = await household.refused("GET", "/api/me", None, authorization=f"Bearer {device_token}")
    assert (problem.status, problem.code) == (401, "token_foreign")
    resident_token = await household.token()
    problem = await household.refused(
        "POST", "/api/telemetry", envelope(call()), authorization=f"Bearer {resident_token}"
    )
    assert (problem.status, problem.code) == (401, "token_foreign")


async def test_an_unverified_address_makes_no_account(household: Household) -> None:
    """Anybody can write somebody else's address into a form."""
    token = await household.token(email="not.verified@personal.example", emailVerified=False)
    problem = await household.refused("GET", "/api/me", None, authorization=f"Bearer {token}")
    assert (problem.status, problem.code) == (403, "email_not_verified")


async def test_a_claim_is_used_once(household: Household, neighbours: Household) -> None:
    """A second monitor that shows it is refused."""
    claim = (await household.resident.claim())["claim"]
    await household.monitor.register(claim)
    body = json.dumps({"claim": claim, "device": neighbours.data}).encode()
    problem = await household.refused(
        "POST", "/api/devices/register", body, authorization=await neighbours.attestation()
    )
    assert (problem.status, problem.code) == (409, "claim_used")


async def test_an_attestation_counts_once(household: Household) -> None:
    """Who records it on the way cannot use it again."""
    proof = await household.attestation()
    await household.api.post("/api/devices/token", {}, authorization=proof)
    problem = await household.refused("POST", "/api/devices/token", b"{}", authorization=proof)
    assert (problem.status, problem.code) == (401, "attestation_refused")


async def test_a_monitor_of_another_make_is_refused(household: Household) -> None:
    """Its key was not derived from the group's."""
    stranger = Monitor(household.api, type(household.make)(household.make.serial_number, "veo-wifi-2026", b"k", {}))
    challenge = await household.api.post("/api/devices/challenge", {"serialNumber": household.make.serial_number})
    proof = stranger.make.authorization(challenge["challenge"], challenge["expires"])
    problem = await household.refused("POST", "/api/devices/token", b"{}", authorization=proof)
    assert (problem.status, problem.code) == (401, "attestation_refused")


@pytest.mark.parametrize("path", ["support-cases", "support-cases/00000000000000000000000000000000/close"])
async def test_a_device_of_someone_else_is_not_there(household: Household, neighbours: Household, path: str) -> None:
    """The answer is that of a device that does not exist."""
    [device] = await neighbours.resident.devices()
    token = await household.token()
    problem = await household.refused(
        "POST", f"/api/me/devices/{device['deviceId']}/{path}", b"{}", authorization=f"Bearer {token}"
    )
    nowhere = await household.refused(
        "POST", f"/api/me/devices/{'0' * 32}/{path}", b"{}", authorization=f"Bearer {token}"
    )
    assert (problem.status, problem.code) == (nowhere.status, nowhere.code) == (404, "device_not_yours")


async def test_an_export_of_someone_else_is_not_there(household: Household, neighbours: Household) -> None:
    """State and link alike."""
    export = await neighbours.resident.request_export()
    authorization = f"Bearer {await household.token()}"
    path = f"/api/me/exports/{export['exportId']}"
    state = await household.refused("GET", path, None, authorization=authorization)
    link = await household.refused("POST", f"{path}/link", b"{}", authorization=authorization)
    assert [(one.status, one.code) for one in (state, link)] == [(404, "export_unknown")] * 2


async def test_a_notification_of_someone_else_is_not_there(household: Household, neighbours: Household) -> None:
    """And the inbox is the caller's own."""
    [theirs] = await neighbours.resident.notifications()
    [own] = await household.resident.notifications()
    assert own["notificationId"] != theirs["notificationId"]
    authorization = f"Bearer {await household.token()}"
    path = f"/api/me/notifications/{theirs['notificationId']}/read"
    problem = await household.refused("POST", path, b"{}", authorization=authorization)
    assert (problem.status, problem.code) == (404, "notification_unknown")


async def test_a_cursor_of_ones_own_making_is_refused(household: Household) -> None:
    """And not repeated."""
    problem = await household.refused(
        "GET", "/api/me/notifications?cursor=made-up", None, authorization=f"Bearer {await household.token()}"
    )
    assert (problem.status, problem.code) == (400, "cursor_invalid")
    assert "made-up" not in str(problem)
