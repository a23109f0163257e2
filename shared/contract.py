"""What all bodies have in common: camelCase names, strict types, nothing undeclared."""

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer
from pydantic.alias_generators import to_camel

from shared import clock

Moment = Annotated[AwareDatetime, PlainSerializer(clock.text, return_type=str)]
"""An aware time; written in UTC with milliseconds."""


DeviceMoment = Annotated[Moment, Field(strict=False)]
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
