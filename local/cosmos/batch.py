"""Transactional batches: all operations on one partition key, or none of them."""

import contextlib
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Final, NamedTuple

from local.cosmos import charges, values
from local.cosmos.containers import Container
from local.cosmos.documents import Writing
from local.cosmos.failures import RETRY_WITH, Failure, bad_request, too_large, unsupported
from local.cosmos.operations import Operation, Outcome, perform
from local.cosmos.store import Store
from local.cosmos.values import Json

MAX_OPERATIONS: Final = 100
MAX_BYTES: Final = 2 * 1024 * 1024


class BatchOutcome(NamedTuple):
    """The answer to a batch: its status, its body, and the sum of its charges."""

    status: HTTPStatus
    charge: float
    body: bytes


class Seen(NamedTuple):
    """What a batch saw at its start."""

    reads: dict[int, Outcome]
    """By the operation's place; only of items that the batch does not write."""
    etags: dict[str, str | None]
    """Of the items that the batch writes; None where there was no such item."""


class _Rehearsed(Exception):
    """All operations would succeed; the transaction is undone all the same."""


class _Stopped(Exception):
    """The operation at `place` failed, so the transaction is undone."""

    def __init__(self, place: int, failure: Failure, spent: float) -> None:
        super().__init__(place)
        self.place = place
        self.failure = failure
        self.spent = spent


def parse(body: Json, size: int, epk: bytes) -> list[Operation]:
    """Read the operations of a batch of `size` bytes.

    Raises:
        Failure: it is over a limit, empty, or asks for something not supported.
    """
    if size > MAX_BYTES:
        raise too_large()
    if not isinstance(body, list) or not body:
        raise bad_request("Batch request should have at least one operation.")
    if len(body) > MAX_OPERATIONS:
        raise bad_request(f"Batch request has more operations than what is supported: {MAX_OPERATIONS}.")
    return [_operation(entry, epk) for entry in body]


def _operation(entry: Json, epk: bytes) -> Operation:
    if not isinstance(entry, dict):
        raise bad_request("Every operation of a batch must be a JSON object.")
    kind, name = str(entry.get("operationType")), entry.get("id")
    if name is not None and not isinstance(name, str):
        raise bad_request("The id of an operation of a batch must be a string.")
    if entry.get("ifNoneMatch") is not None:
        raise unsupported("ifNoneMatch in a batch")
    if kind == "Read" and entry.get("ifMatch") is not None:  # the service does not evaluate it: nothing may rest on it
        raise unsupported("ifMatch of a read in a batch")
    return Operation(kind, epk, name, entry.get("resourceBody"), if_match=entry.get("ifMatch"))


async def execute(
    store: Store,
    container: Container,
    operations: list[Operation],
    now: float,
    *,
    minimal: bool = False,
    seen: Seen | None = None,
) -> BatchOutcome:
    """Carry out all operations in one transaction, under one sequence number.

    A `minimal` answer has the items that were read, not those that were written. A batch that was rehearsed answers
    its reads from what it has `seen` then.

    Raises:
        Failure: an item that the batch writes is not any more what it has seen.
    """
    outcomes: list[Outcome] = []
    try:
        with Writing.begin(store, container, now) as writing:
            if seen is not None:
                _check_unchanged(writing, seen, operations[0].epk)
            for place, operation in enumerate(operations):
                known = seen.reads.get(place) if seen else None
                outcomes.append(known or _perform(writing, operation, outcomes))
    except _Stopped as stopped:
        return _failed(stopped, len(operations))
    results = [
        _result(outcome, with_body=bool(outcome.body) and (not minimal or operation.kind == "Read"))
        for operation, outcome in zip(operations, outcomes, strict=True)
    ]
    body = b"[" + b",".join(results) + b"]"
    return BatchOutcome(HTTPStatus.OK, sum(outcome.charge for outcome in outcomes), body)


def rehearse(store: Store, container: Container, operations: list[Operation], now: float) -> Seen | BatchOutcome:
    """Carry out all operations and undo them: what they saw, or the answer if one of them fails."""
    outcomes: list[Outcome] = []
    etags: dict[str, str | None] = {}
    try:
        with _rehearsing(store, container, now) as writing:
            for name in _written(operations):
                row = writing.find(operations[0].epk, name)
                etags[name] = row.etag if row else None
            for operation in operations:
                outcomes.append(_perform(writing, operation, outcomes))
    except _Stopped as stopped:
        return _failed(stopped, len(operations))
    seen = enumerate(zip(operations, outcomes, strict=True))
    reads = {place: outcome for place, (each, outcome) in seen if each.kind == "Read" and each.id not in etags}
    return Seen(reads, etags)


@contextlib.contextmanager
def _rehearsing(store: Store, container: Container, now: float) -> Iterator[Writing]:
    with contextlib.suppress(_Rehearsed), Writing.begin(store, container, now) as writing:
        yield writing
        raise _Rehearsed


def _written(operations: list[Operation]) -> Iterable[str]:
    for operation in operations:
        if operation.kind != "Read":
            if operation.id is not None:
                yield operation.id
            if operation.kind != "Patch" and isinstance(operation.body, dict):
                yield str(operation.body.get("id"))


def _check_unchanged(writing: Writing, seen: Seen, epk: bytes) -> None:
    for name, etag in seen.etags.items():
        row = writing.find(epk, name)
        if (row.etag if row else None) != etag:
            raise Failure(RETRY_WITH, "An item that the batch writes was changed by another request. Try again.")


def _perform(writing: Writing, operation: Operation, before: list[Outcome]) -> Outcome:
    try:
        return perform(writing, operation)
    except Failure as failure:
        spent = sum(outcome.charge for outcome in before) + charges.FAILED
        raise _Stopped(len(before), failure, spent) from failure


def _result(outcome: Outcome, *, with_body: bool) -> bytes:
    result = f'{{"statusCode":{outcome.status.value},"requestCharge":{outcome.charge:.2f}'
    if outcome.etag:
        result += f',"eTag":"\\{outcome.etag[:-1]}\\""'
    return result.encode() + (b',"resourceBody":' + outcome.body if with_body else b"") + b"}"


def _failed(stopped: _Stopped, count: int) -> BatchOutcome:
    failure = stopped.failure
    results: list[Json] = [{"statusCode": HTTPStatus.FAILED_DEPENDENCY, "requestCharge": 0}] * count
    results[stopped.place] = {
        "statusCode": failure.status,
        "subStatusCode": failure.substatus,
        "requestCharge": charges.FAILED,
        "message": failure.message,
    }
    return BatchOutcome(HTTPStatus.MULTI_STATUS, stopped.spent, values.dump(results))
