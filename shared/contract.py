"""What all bodies have in common: camelCase names, strict types, nothing undeclared."""

from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer
from pydantic.alias_generators import to_camel

from shared import clock

Moment = Annotated[AwareDatetime, PlainSerializer(clock.text, return_type=str)]
"""An aware time; written in UTC with milliseconds."""


_PLAUSIBLE_YEARS: Final = range(1970, 2200)


def _plausible(moment: datetime) -> datetime:
    """A clock may be wrong by decades; a time beyond that would overflow arithmetic and says nothing."""
    if moment.year not in _PLAUSIBLE_YEARS:
        raise ValueError("the time is out of any plausible range")
    return moment.astimezone(UTC)


DeviceMoment = Annotated[Moment, Field(strict=False), AfterValidator(_plausible)]
"""A time as devices and apps write it: ISO 8601 with an offset or Z, or milliseconds since 1970."""


class Body(BaseModel):
    """The body of a request: an undeclared field or another type is refused."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        strict=True,
        frozen=True,
        hide_input_in_errors=True,
        str_max_length=4096,
    )


class View(BaseModel):
    """The body of an answer."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


class Nothing(Body):
    """An empty JSON object: the operation needs no data."""
