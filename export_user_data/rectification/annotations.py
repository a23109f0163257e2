"""Annotations: a reading is never changed; what its owner says of it lies beside it, and the figures leave it out."""

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from export_user_data.periods import Period, own_period
from export_user_data.rectification.contract import Annotation, AnnotationRequest, Annotations
from shared import clock, ledger
from shared.annotations import RECORDS, Reading, named
from shared.cosmos import Conflict, Container, Create, Database, Delete, Item, Replace, Stale, declared
from shared.data_map import READINGS, Category
from shared.errors import Problem
from shared.expiry import expiring
from shared.gate import write_behind_gate
from shared.hubs import Hub
from shared.injection import reached
from shared.kept_items import rewritten
from shared.notifications import notify
from shared.readings import corrected, rows
from shared.recipients import tell_recipients
from shared.statistics import recompute_open
from shared.webhooks import Webhooks

LIMIT: Final = 200
"""Annotations of one period of ownership."""

_TRIES: Final = 5
_ALL: Final = "SELECT TOP @most * FROM c WHERE IS_DEFINED(c.annotates)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What annotating stands on."""

    database: Database
    hub: Hub
    webhooks: Webhooks


async def annotate(
    person_id: str, device_id: str, request: AnnotationRequest, *, desk: Desk, now: datetime
) -> Annotation:
    """Keep what the owner says about a reading; said again it takes the place of what was said before.

    Raises:
        Problem: device_not_yours, reading_unknown, annotations_too_many, busy.
    """
    telemetry = desk.database["telemetry"]
    period = await own_period(person_id, device_id, None, database=desk.database)
    reading = named(request.message_id, request.kind, request.observed_at)
    item = await _item(period, reading, request, telemetry=telemetry, now=now)
    item = await _kept(item, telemetry)
    await reached("annotation.stored")
    await _recompute(item, "", desk, now)
    details: dict[str, str | int] = {"ownershipId": period.ownership_id, "statement": item["statement"]}
    await _tell(person_id, device_id, item, "reading_annotated", details, desk, now)
    return _view(item)


async def list_annotations(person_id: str, device_id: str, *, database: Database) -> Annotations:
    """What the owner said about readings of a device, the newest first.

    Raises:
        Problem: device_not_yours.
    """
    period = await own_period(person_id, device_id, None, database=database)
    found = await _of_ownership(period.ownership_id, database["telemetry"])
    newest = sorted(found, key=lambda item: str(item["createdAt"]), reverse=True)
    return Annotations(annotations=[_view(item) for item in newest if "withdrawnAt" not in item])


async def remove_annotation(person_id: str, device_id: str, annotation_id: str, *, desk: Desk, now: datetime) -> None:
    """Take back what was said about a reading: it counts again first, then the annotation goes.

    Raises:
        Problem: device_not_yours; annotation_unknown; busy.
    """
    telemetry = desk.database["telemetry"]
    period = await own_period(person_id, device_id, None, database=desk.database)
    item = await _withdrawn(period.ownership_id, annotation_id, telemetry=telemetry, now=now)
    await reached("annotation.withdrawn")
    await _recompute(item, "withdrawn", desk, now)
    details: dict[str, str | int] = {"ownershipId": period.ownership_id}
    await _tell(person_id, device_id, item, "annotation_removed", details, desk, now)
    present = await telemetry.read(period.ownership_id, item["id"])
    if present is None or "withdrawnAt" not in present:  # it is gone, or was said again meanwhile
        return
    with suppress(Stale):
        await write_behind_gate(telemetry, period.ownership_id, [Delete(item["id"], present["_etag"])])


async def _item(
    period: Period, reading: Reading, request: AnnotationRequest, *, telemetry: Container, now: datetime
) -> Item:
    """The annotation of a reading that is there."""
    from shared.scrubbing import scrubbed  # noqa: PLC0415 - no cold start waits for its patterns

    declared_kind = READINGS.get(request.kind)
    category = declared_kind.category.value if declared_kind else Category.USAGE.value
    message = await telemetry.read(period.ownership_id, f"{request.message_id}:{category}")
    if message is None or not any(
        named(message["messageId"], kind, corrected(message, values["observedAt"])) == reading
        for kind, values in rows(message)
    ):
        raise Problem("reading_unknown")
    annotation_id = hashlib.sha256("\n".join((period.ownership_id, *reading)).encode()).hexdigest()[:32]
    record = f"{category}Annotation"
    return {
        "id": item_id(annotation_id),
        "type": record,
        "ownershipId": period.ownership_id,
        "annotationId": annotation_id,
        "annotates": reading[0],
        "kind": reading[1],
        "observedAt": reading[2],
        "days": [reading[2][: len("2026-03-01")]],
        "statement": request.statement.value,
        **({"note": scrubbed(request.note)[0]} if request.note else {}),
        "createdAt": clock.text(now),
        **expiring("telemetry", record, since=now, now=now),
    }


def item_id(annotation_id: str) -> str:
    """Id of the stored item."""
    return f"annotation:{annotation_id}"


async def _kept(item: Item, telemetry: Container) -> Item:
    """Store it behind the gate of the ownership; what says the same already stays as it is."""
    ownership_id = item["ownershipId"]
    for _ in range(_TRIES):
        known = await telemetry.read(ownership_id, item["id"])
        if known is not None and _says(known) == _says(item):
            return declared(known)
        try:
            if known is not None:
                await write_behind_gate(telemetry, ownership_id, [Replace(item, known["_etag"])])
            elif len(await _of_ownership(ownership_id, telemetry)) >= LIMIT:
                raise Problem("annotations_too_many")
            else:
                await write_behind_gate(telemetry, ownership_id, [Create(item)])
        except (Conflict, Stale):
            continue
        return item
    raise Problem("busy", retry_after_s=1)


def _says(item: Item) -> tuple[str | None, ...]:
    return item["statement"], item.get("note"), item.get("withdrawnAt")


async def _withdrawn(ownership_id: str, annotation_id: str, *, telemetry: Container, now: datetime) -> Item:
    """The annotation, once it counts no more."""
    for _ in range(_TRIES):
        known = await telemetry.read(ownership_id, item_id(annotation_id))
        if known is None:
            raise Problem("annotation_unknown")
        if "withdrawnAt" in known:
            return declared(known)
        item = rewritten(known, now=now) | {"withdrawnAt": clock.text(now)}
        try:
            await write_behind_gate(telemetry, ownership_id, [Replace(item, known["_etag"])])
        except Stale:
            continue
        return item
    raise Problem("busy", retry_after_s=1)


async def _of_ownership(ownership_id: str, telemetry: Container) -> list[Item]:
    query = telemetry.query(_ALL, {"most": LIMIT}, partition=ownership_id)
    return [item async for item in query if item["type"] in RECORDS]


async def _recompute(item: Item, what: str, desk: Desk, now: datetime) -> None:
    """Let the figures of every open day be computed anew: each annotation and each removal is a ground of its own."""
    if item["type"] != f"{Category.USAGE.value}Annotation":
        return
    ground = f"{item['annotationId']}\n{item['createdAt']}\n{what}"
    await recompute_open(item["ownershipId"], ground, database=desk.database, hub=desk.hub, now=now)
    await reached("annotation.recomputed")


async def _tell(
    person_id: str,
    device_id: str,
    item: Item,
    action: Literal["reading_annotated", "annotation_removed"],
    details: dict[str, str | int],
    desk: Desk,
    now: datetime,
) -> None:
    """Ledger, person, recipients; what is said anew about the same reading is a request of its own."""
    named_request = f"{item['annotationId']}\n{item['createdAt']}\n{action}"
    request_id = hashlib.sha256(named_request.encode()).hexdigest()[:32]
    step = ledger.Step(request_id, action, ledger.THE_PERSON, {"annotationId": item["annotationId"], **details})
    await ledger.record_about(person_id, step, database=desk.database, now=now)
    since = clock.moment(item["withdrawnAt"] if "withdrawnAt" in item else item["createdAt"])
    await notify(person_id, action, request_id, {"since": since}, people=desk.database["people"], now=now)
    about = {"deviceId": device_id, "observedAt": item["observedAt"], "kind": item["kind"]}
    await tell_recipients(
        request_id,
        "rectification",
        about if action == "annotation_removed" else about | {"statement": item["statement"]},
        categories=[READINGS[item["kind"]].category],
        person_id=person_id,
        database=desk.database,
        webhooks=desk.webhooks,
        now=now,
    )


def _view(item: Item) -> Annotation:
    return Annotation(
        annotation_id=item["annotationId"],
        message_id=item["annotates"],
        kind=item["kind"],
        observed_at=clock.moment(item["observedAt"]),
        statement=item["statement"],
        note=item.get("note"),
        created_at=clock.moment(item["createdAt"]),
    )
