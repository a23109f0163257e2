"""A household's page without a database: items as they are stored, held against the data map; a year of readings."""

import math
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from export_user_data.report.digest import Digest
from export_user_data.report.page import Summary, index_page
from export_user_data.walk import Held
from shared import clock, data_map
from shared.templates import Language

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
KITCHEN, HALL, SOLD = "a1" * 16, "b2" * 16, "c3" * 16
HOSTILE = "<script>alert(1)</script>"
ADDRESS = "maria@resident.example"


def ago(**by: float) -> str:
    return clock.text(NOW - timedelta(**by))


def held(container: str, record: str, device_id: str | None = None, **fields: Any) -> Held:
    item = {"id": "1", "type": record, **fields}
    data_map.checked(container, item)
    return Held(record, data_map.record(container, record), item, device_id)


def readings_of(device_id: str, category: str, day: datetime, columns: dict[str, dict[str, list[Any]]]) -> Held:
    times = [at for of_kind in columns.values() for at in of_kind["observedAt"]]
    return held(
        "telemetry",
        f"{category}Readings",
        device_id,
        category=category,
        count=len(times),
        observedFrom=min(times),
        observedTo=max(times),
        receivedAt=clock.text(day),
        clockOffsetS=0.0,
        columns=columns,
    )


def times(day: datetime, number: int) -> list[str]:
    return [clock.text(day + timedelta(minutes=(14 * 60 // max(number, 1)) * place)) for place in range(number)]


def use(device_id: str, days: int, *, until: int = 0, each: int = 4, seed: int = 7) -> Iterator[Held]:
    """Calls and door openings of so many days, until so many days ago."""
    chance = random.Random(seed)  # noqa: S311 - a sample, the same each time
    for past in range(days, 0, -1):
        day = NOW.replace(hour=7) - timedelta(days=past + until)
        calls, doors = chance.randrange(each + 1), chance.randrange(each)
        columns: dict[str, dict[str, list[Any]]] = {}
        if calls:
            outcomes = chance.choices(["answered", "missed", "auto_on"], [6, 3, 1], k=calls)
            columns["call"] = {"observedAt": times(day, calls), "outcome": outcomes}
        if doors:
            opened = chance.choices(["monitor", "app"], [3, 2], k=doors)
            columns["door_opening"] = {"observedAt": times(day, doors), "openedFrom": opened}
        if chance.random() < 0.1:
            columns["feature_use"] = {"observedAt": times(day, 1), "feature": [chance.choice(["f1", "photocaller"])]}
        if columns:
            yield readings_of(device_id, "usage", day, columns)


def health(device_id: str, days: int) -> Iterator[Held]:
    """Samples of an open support case, with a day on which the monitor was off and one on which it failed."""
    for past in range(days, 0, -1):
        if past == 5:
            continue
        day = NOW.replace(hour=6) - timedelta(days=past)
        each = range(24)
        columns: dict[str, dict[str, list[Any]]] = {
            "system_health": {
                "observedAt": times(day, 24),
                "temperatureC": [round(38 + 4 * math.sin(past / 3) + 3 * math.sin(at / 4), 1) for at in each],
                "memoryUsedMb": [round(212 + past % 7 * 6 + at * 1.5, 1) for at in each],
                "cpuPercent": [round(9 + 6 * math.sin(at) ** 2 + (40 if at == past else 0), 1) for at in each],
                "wifiRssiDbm": [-58 - (past + at) % 11 if at % 5 else None for at in each],
            }
        }
        if past in {4, 9}:
            columns["system_failure"] = {"observedAt": times(day, 1), "component": ["display"], "count": [2]}
            columns["component_health"] = {
                "observedAt": times(day, 1),
                "layer": ["software"],
                "component": ["sip"],
                "status": ["degraded"],
                "restartCount": [1],
            }
        yield readings_of(device_id, "performance", day, columns)


def entry(action: str, actor: str, past: float, **details: Any) -> Held:
    return held("ledger", "ledgerEntry", at=ago(days=past), action=action, actorKind=actor, details=details)


def household() -> Iterator[Held]:
    """Everything of Maria: two monitors, one that she sold, a phone, a guest, a support case, staff who looked."""
    yield held("people", "person", personId="p", email=ADDRESS, createdAt=ago(days=600))
    yield held("people", "ledgerSubject", personId="p", ledgerSubject="d4" * 16)
    yield held("people", "gate", personId="p", epoch=3)
    for device_id, since, until in ((SOLD, 600, 400), (KITCHEN, 390, None), (HALL, 20, None)):
        ended = {} if until is None else {"until": ago(days=until)}
        state = "ended" if ended else "active"
        yield held(
            "people",
            "link",
            deviceId=device_id,
            role="owner",
            state=state,
            since=ago(days=since),
            country="ES",
            **ended,
        )
    yield held("people", "link", deviceId="e5" * 16, role="guest", state="active", since=ago(days=12))
    for model, os, past in (("iPhone 17", "iOS", 390), ("Pixel 10", "Android", 44)):
        yield held(
            "people",
            "appInstallation",
            phoneModel=model,
            os=os,
            appVersion="4.7.1",
            active=True,
            registeredAt=ago(days=past),
        )
    for given, past in ((True, 390), (False, 90), (True, 30)):
        yield held(
            "people", "consent", purpose="interactions", given=given, at=ago(days=past), by="person", noticeVersion="1"
        )
    yield held("people", "interaction", channel="technician", subject="installation", at=ago(days=389), text="…")
    yield held(
        "people", "blockedData", category="device", ground="expiry", at=ago(days=35), until="2029-11-01T00:00:00.000Z"
    )
    yield held(
        "jobs",
        "recipientNotice",
        recipient="sales_and_technicians",
        event="rectification",
        state="acknowledged",
        createdAt=ago(days=61),
        acknowledgedAt=ago(days=60),
    )
    for number in range(26):
        yield held("people", "notification", template="export_ready", createdAt=ago(days=number * 9))
    yield entry("pairing_completed", "person", 390, ownershipId="0" * 32)
    yield entry("device_looked_up", "staff:support", 17, ownershipId="0" * 32, purpose="support_call")
    yield entry("support_case_asked", "staff:support", 16.99, ownershipId="0" * 32, purpose="support_call", days=14)
    for days in (15, 12.4, 12.3, 3):
        yield entry("support_data_viewed", "staff:support", days, ownershipId="0" * 32, purpose="support_call")
    yield entry("recipients_told", "service", 61, event="rectification", recipients=4)
    for device_id, model, since in ((KITCHEN, "VEO-XS WIFI DUOX PLUS", 390), (HALL, HOSTILE, 20)):
        yield held(
            "devices",
            "device",
            device_id,
            deviceId=device_id,
            model=model,
            serialNumber=f"VEO-{device_id[:6]}",
            firmwareVersion="3.2.1",
            region="ES",
            firstConnectedAt=ago(days=since),
            ownedSince=ago(days=since),
        )
        yield held(
            "devices", "firmwareVersion", device_id, deviceId=device_id, version="3.2.1", firstSeenAt=ago(days=80)
        )
    yield held(
        "devices", "pastOwnership", SOLD, deviceId=SOLD, since=ago(days=600), until=ago(days=400), reason="released"
    )
    yield held(
        "devices", "guest", KITCHEN, deviceId=KITCHEN, state="active", invitedAt=ago(days=100), since=ago(days=99)
    )
    yield held(
        "devices",
        "supportCase",
        KITCHEN,
        deviceId=KITCHEN,
        askedBy="support",
        days=14,
        createdAt=ago(days=16.9),
        openedAt=ago(days=16.5),
    )
    yield from use(SOLD, 200, until=400)
    yield from use(KITCHEN, 389)
    yield from use(HALL, 19, each=2, seed=3)
    yield from health(KITCHEN, 16)


def files() -> list[dict[str, Any]]:
    """As a manifest names them."""
    names = [
        f"account/{name}.jsonl"
        for name in ("person", "link", "appInstallation", "consent", "ledgerEntry", "notification")
    ]
    names += [f"devices/{KITCHEN}/{name}.jsonl" for name in ("device", "guest", "supportCase", "gate")]
    for year, month in ((2025, 11), (2025, 12), *((2026, month) for month in range(1, 12))):
        stem = f"devices/{KITCHEN}/usage/{year}-{month:02}"
        names += [f"{stem}.jsonl", f"{stem}.csv"]
    names += [f"devices/{KITCHEN}/performance/2026-11.jsonl", "documents/privacy-notice.html"]
    return [{"name": name, "sha256": "0" * 64, "bytes": 17 * 60 * len(name), "rows": len(name)} for name in names]


def left_out() -> list[dict[str, Any]]:
    return [
        {"record": f"{container}/{name}", "why": record.export_note, "article": "GDPR 15(3)"}
        for container, declared in data_map.CONTAINERS.items()
        for name, record in declared.records.items()
        if record.export is None
    ][:9]


def household_page(language: Language = Language.ENGLISH) -> str:
    digest = Digest()
    for one in household():
        digest.add(one)
    counted = [
        {"record": name, "itemsInStore": number, "itemsWritten": number, "agrees": True}
        for name, number in digest.items.items()
    ]
    return index_page(
        Summary(
            scope="access",
            cut_off=NOW,
            language=language,
            digest=digest,
            files=files(),
            left_out=left_out(),
            reconciled=counted,
        )
    )


def empty_page(language: Language = Language.ENGLISH) -> str:
    """Of somebody who has signed in once."""
    digest = Digest()
    digest.add(held("people", "person", personId="p", email=ADDRESS, createdAt=ago(days=1)))
    return index_page(Summary(scope="access", cut_off=NOW, language=language, digest=digest))
