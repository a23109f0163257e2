"""What monitors send: the envelope, and the readings that the data map declares."""

from functools import cache
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, create_model

from shared.contract import Body, DeviceMoment, Moment, View
from shared.data_map import READINGS, TEXT_LIMIT, ReadingField, ReadingKind

SCHEMA_VERSION = 1
READINGS_LIMIT = 1000

EXTRA = "extra"
"""The map of a reading that holds what varies by product."""


class Envelope(Body):
    """One message of a monitor. Its id and bytes stay the same until it is acknowledged."""

    schema_version: int
    message_id: UUID
    sent_at: DeviceMoment
    readings: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=READINGS_LIMIT)]


class ReadingReceipt(View):
    """What became of one reading; `index` is its place in the message."""

    index: int
    status: Literal["accepted", "duplicate", "rejected"]
    code: str | None = None
    pointer: str | None = None
    retryable: bool | None = None


class Receipt(View):
    """What became of a message. Accepted means taken for processing: the gate may still refuse it."""

    message_id: UUID
    received_at: Moment
    accepted: int
    rejected: int
    undeclared_fields_dropped: int
    receipts: list[ReadingReceipt]


def reading_model(kind: object) -> type[BaseModel] | None:
    """The model of a kind of reading, made from the data map; None when the map has no such kind.

    What varies by product comes in its `extra` map. A field that the map lacks is dropped, a value outside a field's
    limits is refused. Values are strict; only the time may be written as ISO 8601 or as milliseconds since 1970.
    """
    return _declared_model(kind) if isinstance(kind, str) and kind in READINGS else None


@cache  # by declared kinds only: what a sender makes up must not stay in memory
def _declared_model(kind: str) -> type[BaseModel]:
    declared = READINGS[kind]
    kind_of: Any = Literal[kind]
    config = ConfigDict(extra="ignore", hide_input_in_errors=True)
    fields: dict[str, Any] = {
        "kind": (kind_of, ...),
        "observedAt": (DeviceMoment, ...),
        **_model_fields(declared, in_extra=False),
    }
    in_extra = _model_fields(declared, in_extra=True)
    if in_extra:
        about = "What varies by product."
        extra = create_model(f"{kind}_extra", __config__=config, __doc__=about, **in_extra)
        fields[EXTRA] = (extra | None, None)
    return create_model(kind, __config__=config, __doc__=declared.about, **fields)


def _model_fields(kind: ReadingKind, *, in_extra: bool) -> dict[str, Any]:
    return {
        name: (_type(field), ...) if field.required else (_type(field) | None, None)
        for name, field in kind.fields.items()
        if field.in_extra is in_extra
    }


def _type(field: ReadingField) -> Any:
    described: dict[str, Any] = {
        "description": field.about,
        "json_schema_extra": {"unit": field.unit} if field.unit else None,
    }
    if field.type == "flag":
        return Annotated[bool, Field(strict=True, **described)]
    if field.type == "choice":
        choices: Any = Literal[field.choices]
        return Annotated[choices, Field(**described)]
    if field.type == "text":
        return Annotated[str, StringConstraints(max_length=TEXT_LIMIT, strict=True), Field(**described)]
    number: Any = int if field.type == "integer" else float
    return Annotated[number, Field(ge=field.minimum, le=field.maximum, strict=True, **described)]
