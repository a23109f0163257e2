"""The functions of an app as indexed: triggers, bindings, retry policies; and what of them this host refuses."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from local.host.protos import RpcFunctionMetadata
from local.host.retry import RetryPolicy, retry_policy
from local.host.routes import Route, RouteError, parse_template
from local.host.schedule import Schedule, ScheduleError, parse_schedule
from local.host.settings import resolve
from local.serving import CannotStart

SUPPORTED: Final = "httpTrigger, eventHubTrigger and timerTrigger in, http out"
_DATA_TYPES: Final = ("", "undefined", "string", "binary")
_RESERVED: Final = ("admin", "runtime")


class CannotIndex(CannotStart):
    """The app cannot be indexed, or uses what this host does not support; the message says which function and why."""


@dataclass(frozen=True, slots=True)
class HttpTrigger:
    """An HTTP function; no `methods` means every method. `route` has no prefix."""

    parameter: str
    route: str
    methods: frozenset[str]
    auth_level: str


@dataclass(frozen=True, slots=True)
class EventHubTrigger:
    """An Event Hubs function; `connection` names a setting, `data_type` is binary, string or empty."""

    parameter: str
    connection: str
    event_hub: str
    consumer_group: str
    is_batch: bool
    data_type: str


@dataclass(frozen=True, slots=True)
class TimerTrigger:
    """A timer function."""

    parameter: str
    schedule: Schedule
    run_on_startup: bool


Trigger = HttpTrigger | EventHubTrigger | TimerTrigger


@dataclass(frozen=True, slots=True)
class Function:
    """One function of an app; `bindings` are those indexed, with nothing resolved or defaulted."""

    name: str
    function_id: str
    trigger_type: str
    trigger: Trigger
    bindings: tuple[Mapping[str, Any], ...]
    retry: RetryPolicy | None

    @property
    def route(self) -> str | None:
        """Route without prefix of an HTTP function."""
        return self.trigger.route if isinstance(self.trigger, HttpTrigger) else None

    @property
    def methods(self) -> tuple[str, ...]:
        """Methods of an HTTP function, sorted; empty means every method, or no HTTP function."""
        return tuple(sorted(self.trigger.methods)) if isinstance(self.trigger, HttpTrigger) else ()

    @property
    def auth_level(self) -> str | None:
        """Authorisation level of an HTTP function: anonymous, function or admin."""
        return self.trigger.auth_level if isinstance(self.trigger, HttpTrigger) else None


def functions_of(indexed: Iterable[RpcFunctionMetadata], settings: Mapping[str, str]) -> tuple[Function, ...]:
    """The functions that run under these settings; those disabled by `AzureWebJobs.NAME.Disabled` are left out.

    Raises:
        CannotIndex: a binding is not supported, or a value of one is wrong.
    """
    return tuple(_function(metadata, settings) for metadata in indexed if not _is_disabled(metadata.name, settings))


def http_routes(functions: Sequence[Function], prefix: str) -> list[Route[Function]]:
    """The routes of all HTTP functions below the route prefix.

    Raises:
        CannotIndex: a route is malformed or reserved, or two functions would answer the same requests.
    """
    routes: list[Route[Function]] = []
    for function in functions:
        if not isinstance(function.trigger, HttpTrigger):
            continue
        route = _route(function, function.trigger, prefix)
        for other in routes:
            if route.is_ambiguous_with(other):
                raise CannotIndex(
                    f"host: functions {other.target.name!r} and {function.name!r} answer the same requests: "
                    f"routes {other.template.text!r} and {route.template.text!r}, "
                    f"methods {_methods_text(other.target)} and {_methods_text(function)}"
                )
        routes.append(route)
    return routes


def _route(function: Function, trigger: HttpTrigger, prefix: str) -> Route[Function]:
    text = "/".join(part for part in (prefix.strip("/"), trigger.route.strip("/")) if part)
    if text.split("/")[0].lower() in _RESERVED:
        raise CannotIndex(f"host: function {function.name!r}: route {text!r} is the host's own")
    try:
        return Route(parse_template(text), trigger.methods, function)
    except RouteError as error:
        raise CannotIndex(f"host: function {function.name!r}: {error}") from error


def _methods_text(function: Function) -> str:
    return ",".join(function.methods) or "all"


def _is_disabled(name: str, settings: Mapping[str, str]) -> bool:
    return settings.get(f"AzureWebJobs.{name}.Disabled", "").lower() in ("1", "true")


def _function(metadata: RpcFunctionMetadata, settings: Mapping[str, str]) -> Function:
    bindings = [json.loads(text) for text in metadata.raw_bindings]
    raw = _only_trigger(metadata.name, bindings)
    where = f"function {metadata.name!r}"
    resolved = {k: resolve(v, settings, where=f"{where}: {k}") if isinstance(v, str) else v for k, v in raw.items()}
    trigger = _TRIGGERS[raw["type"]](metadata.name, resolved)
    retry = retry_policy(metadata.retry_options)
    if retry is not None and isinstance(trigger, HttpTrigger):
        raise CannotIndex(f"host: {where}: a retry policy on an httpTrigger has no effect; take it away")
    return Function(metadata.name, metadata.function_id, raw["type"], trigger, tuple(bindings), retry)


def _only_trigger(name: str, bindings: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    triggers = []
    for binding in bindings:
        kind, direction = binding["type"], str(binding["direction"]).lower()
        if kind in _TRIGGERS and direction == "in":
            triggers.append(binding)
        elif (kind, direction) != ("http", "out"):
            raise CannotIndex(
                f"host: function {name!r}: binding {binding['name']!r} of type {kind!r} and direction {direction!r} "
                f"is not supported; supported are {SUPPORTED}"
            )
    if len(triggers) != 1:
        raise CannotIndex(f"host: function {name!r} has {len(triggers)} triggers; it must have one")
    return triggers[0]


def _http_trigger(name: str, binding: Mapping[str, Any]) -> HttpTrigger:
    return HttpTrigger(
        parameter=binding["name"],
        route=binding.get("route", name),
        methods=frozenset(str(method).upper() for method in binding.get("methods", ())),
        auth_level=str(binding.get("authLevel", "function")).lower(),
    )


def _event_hub_trigger(name: str, binding: Mapping[str, Any]) -> EventHubTrigger:
    data_type = str(binding.get("dataType", "")).lower()
    if data_type not in _DATA_TYPES:
        raise CannotIndex(f"host: function {name!r}: dataType {data_type!r} is not supported; binary and string are")
    return EventHubTrigger(
        parameter=binding["name"],
        connection=binding["connection"],
        event_hub=binding["eventHubName"],
        consumer_group=binding.get("consumerGroup", "$Default"),
        is_batch=str(binding.get("cardinality", "one")).lower() == "many",
        data_type=data_type.removeprefix("undefined"),
    )


def _timer_trigger(name: str, binding: Mapping[str, Any]) -> TimerTrigger:
    try:
        schedule = parse_schedule(binding["schedule"])
    except ScheduleError as error:
        raise CannotIndex(f"host: function {name!r}: {error}") from error
    return TimerTrigger(binding["name"], schedule, bool(binding.get("runOnStartup")))


_TRIGGERS: Final[Mapping[str, Callable[[str, Mapping[str, Any]], Trigger]]] = {
    "httpTrigger": _http_trigger,
    "eventHubTrigger": _event_hub_trigger,
    "timerTrigger": _timer_trigger,
}
