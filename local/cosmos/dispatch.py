"""From a request to the code that answers it, with throttling, totals and the headers that every answer has."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from local.cosmos import charges
from local.cosmos.containers import Container
from local.cosmos.exchange import Answer, Exchange, refusal
from local.cosmos.failures import Failure, bad_request, unsupported
from local.cosmos.faults import OTHER, Faults, Injected
from local.cosmos.items import Items, check_headers
from local.cosmos.resources import Resources
from local.cosmos.throughput import Throttle
from local.cosmos.usage import Usage

_CONTAINER_DEPTH: Final = 4
_ITEM_PATH: Final = 6
_CHARGED: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED})


class Dispatcher:
    """Answers every request whose signature is right."""

    def __init__(self, resources: Resources, items: Items, throttle: Throttle | None, faults: Faults) -> None:
        self.usage = Usage()
        self._faults = faults
        self._resources = resources
        self._endpoints = _endpoints(resources)
        self._items = items
        self._throttle = throttle

    async def answer(self, exchange: Exchange) -> Answer | None:
        """The answer to a request, also to one that fails; None when it gets none, by a fault."""
        if self._faults.armed:
            operation, path = _operation_name(exchange), exchange.path
            container = path[3] if len(path) >= _CONTAINER_DEPTH and path[0] == "dbs" else None
            injected = self._faults.meet(container, operation, exchange.method)
            if injected is not None:
                return await self._disturbed(exchange, injected)
        return await self._undisturbed(exchange)

    async def _disturbed(self, exchange: Exchange, injected: Injected) -> Answer | None:
        fault = injected.fault
        answer: Answer | None = None
        if fault.status is not None:
            answer = self._refused(exchange, fault.status, fault.substatus, fault.retry_after_ms)
        elif fault.drop != "before":
            answer = await self._undisturbed(exchange)
        await self._faults.delay(injected)
        return answer if fault.drop is None else None

    def _refused(self, exchange: Exchange, status: int, substatus: int, retry_after_ms: int | None) -> Answer:
        message = "A fault that was asked for; no changes were made."
        failure = Failure(status, message, substatus=substatus, retry_after_ms=retry_after_ms)
        answer = refusal(_operation_name(exchange), failure, 0.0)
        if len(exchange.path) > _CONTAINER_DEPTH:
            answer.container = f"{exchange.path[1]}/{exchange.path[3]}"
        return self._counted(answer)

    async def _undisturbed(self, exchange: Exchange) -> Answer:
        try:
            answer = await self._route(exchange)
        except Failure as failure:
            answer = refusal(_operation_name(exchange), failure, _charge(failure))
        except RecursionError:
            answer = refusal(_operation_name(exchange), bad_request("The request is nested too deeply."), 0.0)
        return self._counted(answer)

    def _counted(self, answer: Answer) -> Answer:
        answer.headers["x-ms-request-charge"] = f"{answer.charge:.2f}"
        self.usage.count(answer.container, answer.operation, answer.status, answer.charge)
        return answer

    async def _route(self, exchange: Exchange) -> Answer:
        path = exchange.path
        if len(path) > _CONTAINER_DEPTH and path[0] == "dbs" and path[2] == "colls":
            return await self._in_container(exchange)
        endpoint = self._endpoints.get((path[::2], len(path)))
        if endpoint is None:
            raise unsupported(f"The resource '{'/'.join(path)}'")
        return endpoint(exchange)

    async def _in_container(self, exchange: Exchange) -> Answer:
        if exchange.path[4] == "pkranges":
            return self._resources.ranges(exchange)
        container = self._items.container(exchange)
        check_headers(exchange)
        try:
            answer = await self._throttled(exchange, container)
        except Failure as failure:
            answer = refusal(_operation_name(exchange), failure, _charge(failure))
        answer.container = f"{container.database}/{container.id}"
        answer.headers |= container.paths
        answer.headers["lsn"] = str(container.lsn)
        answer.headers["x-ms-session-token"] = f"0:-1#{container.lsn}"
        return answer

    async def _throttled(self, exchange: Exchange, container: Container) -> Answer:
        if self._throttle is None:
            return await self._on_items(exchange, container)
        self._throttle.admit(container, exchange.now)
        try:
            answer = await self._on_items(exchange, container)
        except Failure as failure:
            self._throttle.spend(container, _charge(failure), exchange.now)
            raise
        self._throttle.spend(container, answer.charge, exchange.now)
        return answer

    async def _on_items(self, exchange: Exchange, container: Container) -> Answer:
        match exchange.path[4:]:
            case ("docs",):
                return await self._items.collection(exchange, container)
            case ("docs", _):
                return self._items.item(exchange, container)
            case ("operations", "partitionkeydelete") if exchange.method == "POST":
                return self._items.delete_partition(exchange, container)
        raise unsupported(f"The resource '{'/'.join(exchange.path[4:])}' of a container")


def _endpoints(resources: Resources) -> dict[tuple[tuple[str, ...], int], Callable[[Exchange], Answer]]:
    """By the names of the collections in a path, and its length."""
    return {
        ((), 0): resources.account,
        (("dbs",), 1): resources.databases,
        (("dbs",), 2): resources.database,
        (("dbs", "colls"), 3): resources.containers,
        (("dbs", "colls"), 4): resources.container,
        (("offers",), 1): resources.offers,
        (("offers",), 2): resources.offer,
    }


def _charge(failure: Failure) -> float:
    return charges.FAILED if failure.status in _CHARGED else 0.0


def _operation_name(exchange: Exchange) -> str:
    """Under what a failed request is counted, and how a fault names it."""
    path = exchange.path
    if path[4:] == ("operations", "partitionkeydelete"):
        return "delete_partition"
    if len(path) <= _CONTAINER_DEPTH or path[4] != "docs":
        return OTHER
    if len(path) == _ITEM_PATH:
        return {"GET": "read", "PUT": "replace", "DELETE": "delete", "PATCH": "patch"}.get(exchange.method, OTHER)
    if exchange.method == "GET":
        return "change_feed" if exchange.header("a-im") else "read_all"
    return _posted(exchange)


def _posted(exchange: Exchange) -> str:
    if exchange.is_query:
        return "query"
    if exchange.flag("x-ms-cosmos-is-batch-request"):
        return "batch"
    return "upsert" if exchange.flag("x-ms-documentdb-is-upsert") else "create"
