"""Every route with every kind of wrong caller, generated from the manifest: a new route is covered by itself."""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from local.api import Answer, Api
from local.cloud import LocalCloud
from shared.callers import Recipient, Role
from shared.keys import DeviceToken, KeySet, issue_acknowledgement_token, issue_device_token
from shared.policy import Policy
from tests.test_manifest import manifest
from tests.wire.conftest import Household, Stored, eventually

ROUTES: list[dict[str, Any]] = [one for one in manifest() if "route" in one]
ROLES = [role.value for role in Role]
UNAUTHORIZED, FORBIDDEN, NOT_FOUND = 401, 403, 404

Credential = Callable[[Household, LocalCloud], Awaitable[str | None]]


async def nothing(_household: Household, _cloud: LocalCloud) -> None:
    return None


async def garbage(_household: Household, _cloud: LocalCloud) -> str:
    return "Bearer garbage"


async def a_password(_household: Household, _cloud: LocalCloud) -> str:
    return "Basic YWRtaW46YWRtaW4="


async def an_expired_sign_in(household: Household, _cloud: LocalCloud) -> str:
    return f"Bearer {await household.token(lifetimeSeconds=-10, roles=' '.join(ROLES))}"


async def a_sign_in_elsewhere(household: Household, _cloud: LocalCloud) -> str:
    return f"Bearer {await household.token(audience='another-app', roles=' '.join(ROLES))}"


async def a_resident(household: Household, _cloud: LocalCloud) -> str:
    return f"Bearer {await household.token()}"


async def a_monitor(household: Household, _cloud: LocalCloud) -> str:
    assert household.monitor.access is not None
    return f"Bearer {household.monitor.access.token}"


async def an_expired_monitor(_household: Household, cloud: LocalCloud) -> str:
    return f"Bearer {device_token(KeySet(json.loads(cloud.settings['BLUE_DEVICE_TOKEN_KEYS']), 'HS256'))}"


async def a_recipient(_household: Household, cloud: LocalCloud) -> str:
    keys = KeySet(json.loads(cloud.settings["BLUE_DEVICE_TOKEN_KEYS"]), "HS256")
    notice = Recipient("sales_and_technicians", "0" * 32, "erasure")
    return f"Bearer {issue_acknowledgement_token(notice, keys=keys, now=datetime.now(UTC))}"


def device_token(keys: KeySet) -> str:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    token = DeviceToken("0" * 32, "0" * 32, Policy(epoch=1, start=yesterday), "veo-wifi-2026", "")
    return issue_device_token(token, keys=keys, now=yesterday)[0]


async def an_attested_monitor(household: Household, _cloud: LocalCloud) -> str:
    return await household.attestation()


async def a_replayed_attestation(household: Household, _cloud: LocalCloud) -> str:
    proof = await household.attestation()
    await household.api.post("/api/devices/token", {}, authorization=proof)
    return proof


async def a_forged_attestation(household: Household, _cloud: LocalCloud) -> str:
    return re.sub(r"sig=[^&]*", "sig=AAAA", await household.attestation())


def staff_with(role: str) -> Credential:
    async def credential(household: Household, _cloud: LocalCloud) -> str:
        return f"Bearer {await household.token(email=f'{role}@staff.example', roles=role)}"

    return credential


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def household(cloud: LocalCloud, api: Api) -> Household:
    """One for all cases of this module: none of them changes it."""
    return await Household(cloud, api).move_in()


NO_ONE: Mapping[str, Credential] = {
    one.__name__: one
    for one in (nothing, garbage, a_password, an_expired_sign_in, a_sign_in_elsewhere, an_expired_monitor)
} | {one.__name__: one for one in (a_replayed_attestation, a_forged_attestation)}
"""Callers who are let in nowhere but where anyone is."""

SOMEBODY: dict[str, tuple[str, Credential]] = {
    "a_resident": ("resident", a_resident),
    "a_monitor": ("monitor", a_monitor),
    "a_recipient": ("recipient", a_recipient),
    "an_attested_monitor": ("attested monitor", an_attested_monitor),
    **{f"staff with the role {role}": (f"staff:{role}", staff_with(role)) for role in ROLES},
}
"""Callers who are let in somewhere, by the name of that in the manifest."""


def is_wrong(caller: str, admitted: str) -> bool:
    """Staff may be residents too: with the same sign-in they are what every person with an account is."""
    return admitted != caller and not (admitted == "resident" and caller.startswith("staff:"))


CASES = [
    pytest.param(route, credential, id=f"{name} at {route['name']}")
    for route in ROUTES
    if route["caller"] != "anyone"
    for name, credential in [
        *NO_ONE.items(),
        *((name, credential) for name, (kind, credential) in SOMEBODY.items() if is_wrong(kind, route["caller"])),
    ]
]


@pytest.mark.parametrize(("route", "credential"), CASES)
async def test_a_wrong_caller_learns_nothing(
    household: Household, cloud: LocalCloud, route: dict[str, Any], credential: Credential
) -> None:
    """Not whether body or ids are right: those are not looked at before the caller is."""
    path = f"/api/{re.sub(r'{[^}]*}', 'no-such-id', route['route'])}"
    body = None if route["methods"] == ["GET"] else b"not json"
    authorization = await credential(household, cloud)
    problem = await household.refused(route["methods"][0], path, body, authorization=authorization)
    assert problem.status in {UNAUTHORIZED, FORBIDDEN}
    assert (problem.code == "not_allowed") == (problem.status == FORBIDDEN)


async def test_a_wrong_caller_changes_nothing(household: Household, cloud: LocalCloud, stored: Stored) -> None:
    """But the figures of refused attestations, and that a challenge was used."""
    before = await stored.everything()
    for route in ROUTES:
        if route["caller"] != "anyone":
            path = f"/api/{re.sub(r'{[^}]*}', 'no-such-id', route['route'])}"
            for credential in (nothing, a_forged_attestation, a_sign_in_elsewhere):
                authorization = await credential(household, cloud)
                await household.refused(route["methods"][0], path, b"{}", authorization=authorization)
    after = await stored.everything()
    assert {name: count for name, count in after.items() if name != "counters"} == {
        name: count for name, count in before.items() if name != "counters"
    }


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def strangers(cloud: LocalCloud, api: Api) -> Household:
    """Another household, which has nothing to do with the first."""
    return await Household(cloud, api).move_in()


BODIES: dict[str, dict[str, Any]] = {
    "transfer_export": {"endpoint": "https://provider.example/copies"},
    "annotate_reading": {
        "messageId": "0",
        "kind": "call",
        "observedAt": "2026-01-01T00:00:00Z",
        "statement": "not_me",
    },
    "rectify_interaction": {"text": "Something else."},
    "invite_guest": {"email": "friend@personal.example"},
    "note_invoice": {"invoicedOn": None},
    "accept_ward": {"turns14On": f"{datetime.now(UTC).year + 3}-01"},
    "choose_ward_consent": {"given": False, "noticeVersion": "1", "noticeHash": "0" * 64},
    "refresh_app_installation": {"token": "t", "os": "Android", "osVersion": "13", "appVersion": "4", "locale": "es"},
}
"""What a route needs to be told before it looks whose a thing is; most need nothing."""

NOBODYS = {"remove_app_installation", "choose_consent", "list_data"}
"""What says the same of everything, and what names nothing of anybody."""

REFUSED_TO_OTHERS = [
    route
    for route in ROUTES
    if route["caller"] == "resident" and "{" in route["route"] and route["name"] not in NOBODYS
]


async def entered_interaction(household: Household, device_id: str) -> Answer:
    said = {
        "purpose": "other",
        "deviceId": device_id,
        "channel": "sales",
        "subject": "offer",
        "at": datetime.now(UTC).isoformat(),
        "text": "An offer for a second monitor.",
    }
    authorization = f"Bearer {await household.token(email='sales@staff.example', roles='sales')}"
    return await household.api.post("/api/staff/interactions", said, authorization=authorization)


async def begun_erasure(household: Household) -> Answer:
    """Of a category that nothing else here stands on."""
    authorization = f"Bearer {await household.token()}"
    plan = await household.api.post(
        "/api/me/erasures", {"scope": "category", "category": "usage"}, authorization=authorization
    )
    return await household.api.post(
        "/api/me/erasures/confirm", {"confirmation": plan["confirmation"]}, authorization=authorization
    )


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def minors(cloud: LocalCloud, api: Api) -> Household:
    """A household whose resident is under 14."""
    return await Household(cloud, api).move_in()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def things(household: Household, minors: Household) -> dict[str, str]:
    """A thing of this household for every id that a route may have."""
    resident = household.resident
    [device] = await resident.devices()
    case = await resident.open_support_case(device["deviceId"])
    export = await resident.request_export()
    installation = await resident.register_installation()
    [notification, *_] = await resident.notifications()
    guest = await resident.invite_guest(device["deviceId"], "visitor@personal.example")
    restriction = await resident.restrict(scope="category", category="interactions")
    await minors.resident.attest_under_14(household.email)
    [ward] = (await resident.wards())["invitations"]
    await resident.accept_ward(ward["wardId"], BODIES["accept_ward"]["turns14On"])
    authorization = f"Bearer {await household.token()}"
    request = await household.api.post("/api/me/requests", {"right": "objection"}, authorization=authorization)
    interaction = await entered_interaction(household, device["deviceId"])
    erasure = await begun_erasure(household)
    return {
        "deviceId": device["deviceId"],
        "caseId": case["caseId"],
        "exportId": export["exportId"],
        "notificationId": notification["notificationId"],
        "installationId": installation["installationId"],
        "guestId": guest["guestId"],
        "restrictionId": restriction["restrictionId"],
        "wardId": ward["wardId"],
        "purpose": "usage_statistics",
        "invitationId": guest["guestId"],
        "interactionId": interaction["interactionId"],
        "erasureId": erasure["erasureId"],
        "annotationId": "1" * 32,
        "transferId": "2" * 32,
        "requestId": request["requestId"],
    }


async def test_a_removal_says_the_same_of_somebody_elses_and_of_nothing(
    things: dict[str, str], household: Household, strangers: Household
) -> None:
    """It can be repeated, so it succeeds when there is nothing to remove; what is somebody else's stays."""
    before = await household.resident.installations()
    for installation_id in (things["installationId"], "0" * 32):
        answer = await strangers.resident.remove_installation(installation_id)
        assert (answer.status, answer.body) == (200, {"installationId": installation_id})
    assert things["installationId"] in {one["installationId"] for one in before}
    assert await household.resident.installations() == before


@pytest.mark.parametrize("route", REFUSED_TO_OTHERS, ids=lambda route: str(route["name"]))
async def test_what_is_somebody_elses_is_not_there(
    things: dict[str, str], strangers: Household, route: dict[str, Any]
) -> None:
    """The answer is that for an id that does not exist: also the code is the same."""
    authorization = f"Bearer {await strangers.token()}"
    method = route["methods"][0]
    body = None if method == "GET" else json.dumps(BODIES.get(route["name"], {})).encode()
    codes = []
    for ids in (things, dict.fromkeys(things, "0" * 32)):
        path = f"/api/{route['route'].format(**ids)}"
        problem = await strangers.refused(method, path, body, authorization=authorization)
        assert problem.status == NOT_FOUND, problem.code
        codes.append(problem.code)
    assert codes[0] == codes[1]


async def test_refused_attestations_are_told_apart_to_staff_alone(household: Household, cloud: LocalCloud) -> None:
    """The monitor is told one thing, whatever was wrong."""
    fleet = f"Bearer {await household.token(email='fleet@staff.example', roles='fleet')}"

    async def count(name: str) -> int:
        hours = (await household.api.get("/api/staff/counters", authorization=fleet))["hours"]
        return sum(int(counts.get(name, 0)) for counts in hours.values())

    reasons: dict[str, Credential] = {
        "attestation.unknown_group": of_an_unknown_group,
        "attestation.foreign_serial": with_another_monitors_challenge,
    }
    assert [await count(reason) for reason in reasons] == [0, 0]
    answers = []
    for credential in reasons.values():
        proof = await credential(household, cloud)
        refused = await household.refused("POST", "/api/devices/token", b"{}", authorization=proof)
        answers.append({name: value for name, value in refused.problem.items() if name != "instance"})
    assert answers[0] == answers[1]

    async def are_counted() -> bool:
        return [await count(reason) for reason in reasons] == [1, 1]

    await eventually(are_counted, "both refusals are counted")


async def of_an_unknown_group(household: Household, _cloud: LocalCloud) -> str:
    return re.sub(r"skn=[^&]*", "skn=nobody", await household.attestation())


async def with_another_monitors_challenge(household: Household, _cloud: LocalCloud) -> str:
    challenge = await household.api.post("/api/devices/challenge", {"serialNumber": "VEO-ANOTHER-1"})
    return household.make.authorization(challenge["challenge"], challenge["expires"])
