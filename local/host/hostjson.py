"""What this host reads of host.json. Keys that it does not know are for other hosts and are left alone."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from local.host.timespan import parse_timespan
from local.serving import CannotStart

UNBOUNDED: Final = -1


def _timespan(value: object) -> object:
    return parse_timespan(value) if isinstance(value, str) else value


def _time_limit(value: object) -> object:
    return None if str(value) == str(UNBOUNDED) else _timespan(value)


TimeSpan = Annotated[timedelta, BeforeValidator(_timespan)]
TimeLimit = Annotated[timedelta | None, BeforeValidator(_time_limit)]


class _Section(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", frozen=True)


class Http(_Section):
    """`extensions.http`; -1 is without limit."""

    route_prefix: str = "api"
    max_outstanding_requests: int = UNBOUNDED
    max_concurrent_requests: int = UNBOUNDED


class InitialOffset(_Section):
    """Where a consumer group starts that has no checkpoint."""

    type: Literal["fromStart", "fromEnd", "fromEnqueuedTime"] = "fromStart"
    enqueued_time_utc: datetime | None = None

    @model_validator(mode="after")
    def _time_is_given(self) -> Self:
        if self.type == "fromEnqueuedTime" and self.enqueued_time_utc is None:
            raise ValueError("fromEnqueuedTime needs enqueuedTimeUtc")
        return self


class EventHubs(_Section):
    """`extensions.eventHubs`, with the defaults of the extension (version 6)."""

    max_event_batch_size: int = Field(default=100, ge=1)
    min_event_batch_size: int = Field(default=1, ge=1)
    max_wait_time: TimeSpan = timedelta(minutes=1)
    prefetch_count: int = Field(default=300, ge=1)
    batch_checkpoint_frequency: int = Field(default=1, ge=1)
    initial_offset_options: InitialOffset = InitialOffset()
    load_balancing_update_interval: TimeSpan = timedelta(seconds=10)
    partition_ownership_expiration_interval: TimeSpan = timedelta(minutes=1)

    @model_validator(mode="after")
    def _sizes_are_in_order(self) -> Self:
        if self.min_event_batch_size > self.max_event_batch_size:
            raise ValueError("minEventBatchSize must not exceed maxEventBatchSize")
        return self


class Extensions(_Section):
    """The extensions that this host has."""

    http: Http = Http()
    event_hubs: EventHubs = EventHubs()


class Logging(_Section):
    """`logging.logLevel`: category to level."""

    log_level: Mapping[str, str] = {}


class HostJson(_Section):
    """The host's own configuration; a `function_timeout` of None is without limit."""

    version: Literal["2.0"]
    function_timeout: TimeLimit = timedelta(minutes=30)
    logging: Logging = Logging()
    extensions: Extensions = Extensions()


OVERRIDE: Final = "AzureFunctionsJobHost__"
"""Settings that begin so replace a value of host.json, as in the real host: the rest of the name is its path."""


def read_host_json(app_directory: Path, settings: Mapping[str, str] | None = None) -> HostJson:
    """Read host.json of an app, with what settings replace in it.

    Raises:
        CannotStart: it is missing, or a value that this host reads is wrong.
    """
    path = app_directory / "host.json"
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
        return HostJson.model_validate(_overridden(content, settings or {}))
    except FileNotFoundError:
        raise CannotStart(
            f"host: {path} is missing. A function app needs one, at least {{'version': '2.0'}}."
        ) from None
    except json.JSONDecodeError as error:
        raise CannotStart(f"host: {path} is not JSON: {error}") from error
    except ValidationError as error:
        found = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_url=False))
        raise CannotStart(f"host: {path}: {found}") from error


def _overridden(content: Any, settings: Mapping[str, str]) -> Any:
    for name, value in settings.items():
        if not name.startswith(OVERRIDE):
            continue
        *sections, key = name.removeprefix(OVERRIDE).split("__")
        place = content
        for section in sections:
            place = place.setdefault(section, {})
        place[key] = value
    return content
