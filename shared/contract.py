"""What all bodies have in common: camelCase names, strict types, nothing undeclared."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from shared import clock

Moment = Annotated[AwareDatetime, PlainSerializer(clock.text, return_type=str)]
"""An aware time; written in UTC with milliseconds."""


_PLAUSIBLE_YEARS: Final = range(1970, 2200)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LIMIT_MS: Final = (datetime(2200, 1, 1, tzinfo=UTC) - _EPOCH) / timedelta(milliseconds=1)
_IMPLAUSIBLE: Final = "the time is out of any plausible range"


def _milliseconds(written: Any) -> Any:
    """A number is milliseconds, however small: a monitor without a battery begins in 1970."""
    if isinstance(written, bool) or (isinstance(written, str) and written[4:5] != "-"):
        raise PydanticCustomError("datetime_type", "a time is ISO 8601, or a number of milliseconds since 1970")
    if not isinstance(written, int | float):
        return written
    if not 0 <= written < _LIMIT_MS:  # NaN as well
        raise ValueError(_IMPLAUSIBLE)
    return _EPOCH + timedelta(milliseconds=written)


def _plausible(moment: datetime) -> datetime:
    """A clock may be wrong by decades; a time beyond that would overflow arithmetic and says nothing."""
    if moment.year not in _PLAUSIBLE_YEARS:
        raise ValueError(_IMPLAUSIBLE)
    return moment.astimezone(UTC)


DeviceMoment = Annotated[
    Moment,
    Field(strict=False),
    BeforeValidator(_milliseconds),
    AfterValidator(_plausible),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "format": "date-time"},
                {"type": "number", "minimum": 0, "description": "Milliseconds since 1970."},
            ]
        },
        mode="validation",
    ),
]
"""A time as devices and apps write it: ISO 8601 with an offset or Z, or milliseconds since 1970."""


EmailAddress = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        max_length=254,
        pattern=r"^[0-9A-Za-z.!#$%&'*+/=?^_`{|}~-]{1,64}@[0-9A-Za-z-]{1,63}(\.[0-9A-Za-z-]{1,63})+$",
    ),
]

SerialNumber = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z-]{6,64}$")]


def _camel_case(name: str) -> str:
    """As pydantic's own generator, of plain names alone: its three substitutions a field were 6 ms of a cold start."""
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


class Body(BaseModel):
    """The body of a request: an undeclared field or another type is refused."""

    model_config = ConfigDict(
        alias_generator=_camel_case,
        extra="forbid",
        strict=True,
        frozen=True,
        hide_input_in_errors=True,
        str_max_length=4096,
        defer_build=True,  # no cold start waits for the validators of all bodies
    )


class View(BaseModel):
    """The body of an answer."""

    model_config = ConfigDict(
        alias_generator=_camel_case, populate_by_name=True, extra="forbid", frozen=True, defer_build=True
    )


class Purpose(StrEnum):
    """Why staff look at or do something to what is somebody's: it is in the ledger of the person whose it is."""

    SUPPORT_CALL = "support_call"
    COMPLAINT = "complaint"
    WARRANTY_CHECK = "warranty_check"
    SECURITY_INCIDENT = "security_incident"
    REPAIR = "repair"
    RIGHTS_REQUEST = "rights_request"
    OTHER = "other"


class Nothing(Body):
    """An empty JSON object: the operation needs no data."""
