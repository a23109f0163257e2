"""Operations on one item, alone or as part of a batch."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Final, NamedTuple

from local.cosmos import charges, patch
from local.cosmos.documents import Item, Row, Writing, load_stored, parse_item
from local.cosmos.failures import bad_request, conflict, not_found, precondition_failed, predicate_false
from local.cosmos.partition_key import mismatch
from local.cosmos.sql.predicate import holds
from local.cosmos.values import Json

ANY: Final = "*"


class Operation(NamedTuple):
    """What is asked for; `id` is None where the body names the item."""

    kind: str
    epk: bytes
    id: str | None = None
    body: Json = None
    text: bytes | None = None
    if_match: str | None = None

    @property
    def item(self) -> Item:
        """The item to be written.

        Raises:
            Failure: it is no item.
        """
        return parse_item(self.body, self.text)


class Outcome(NamedTuple):
    """What came of it. `body` is the stored JSON, empty after a deletion."""

    status: HTTPStatus
    charge: float
    etag: str | None = None
    body: bytes = b""


def perform(writing: Writing, operation: Operation) -> Outcome:
    """Carry out one operation inside a transaction.

    Raises:
        Failure: it cannot be done; the caller undoes what the transaction did before.
    """
    execute = _OPERATIONS.get(operation.kind)
    if execute is None:
        raise bad_request(f"The operation '{operation.kind}' is not one of {', '.join(_OPERATIONS)}.")
    return execute(writing, operation)


def _create(writing: Writing, operation: Operation) -> Outcome:
    return _insert(writing, operation, _checked(writing, operation))


def _upsert(writing: Writing, operation: Operation) -> Outcome:
    item = _checked(writing, operation)
    old = writing.find(operation.epk, item.id)
    if old is None:  # the service does not look at If-Match then
        return _insert(writing, operation, item)
    _match(operation, old)
    return _update(writing, operation, old, item)


def _read(writing: Writing, operation: Operation) -> Outcome:
    old = _existing(writing, operation)
    return Outcome(HTTPStatus.OK, charges.point_read(len(old.body)), old.etag, old.body)


def _replace(writing: Writing, operation: Operation) -> Outcome:
    item = _checked(writing, operation)
    old = _existing(writing, operation)
    _match(operation, old)
    if item.id != operation.id and writing.find(operation.epk, item.id):
        raise conflict()
    return _update(writing, operation, old, item)


def _delete(writing: Writing, operation: Operation) -> Outcome:
    old = _existing(writing, operation)
    _match(operation, old)
    writing.remove(old)
    terms = writing.container.indexing.terms(old.document)
    return Outcome(HTTPStatus.NO_CONTENT, charges.insert(len(old.body), terms))


def _patch(writing: Writing, operation: Operation) -> Outcome:
    old = _existing(writing, operation)
    _match(operation, old)
    body = operation.body if isinstance(operation.body, dict) else {"operations": operation.body}
    condition = body.get("condition")
    if condition is not None and not holds(condition, load_stored(old.body), writing.now):
        raise predicate_false()
    document = old.document
    patch.apply(document, body.get("operations"), writing.container.partition_key)
    return _update(writing, operation, old, parse_item(document))


def _checked(writing: Writing, operation: Operation) -> Item:
    item = operation.item
    if writing.container.partition_key.of(item.document) != operation.epk:
        raise mismatch()
    return item


def _existing(writing: Writing, operation: Operation) -> Row:
    old = writing.find(operation.epk, operation.id) if operation.id else None
    if old is None:
        raise not_found()
    return old


def _match(operation: Operation, old: Row) -> None:
    if operation.if_match not in (None, ANY, old.etag):
        raise precondition_failed()


def _insert(writing: Writing, operation: Operation, item: Item) -> Outcome:
    etag, body = writing.insert(operation.epk, item)
    terms = writing.container.indexing.terms(item.document)
    return Outcome(HTTPStatus.CREATED, charges.insert(len(body), terms), etag, body)


def _update(writing: Writing, operation: Operation, old: Row, item: Item) -> Outcome:
    etag, body = writing.update(operation.epk, old, item)
    terms = writing.container.indexing.terms(item.document)
    return Outcome(HTTPStatus.OK, charges.replace(len(body), terms), etag, body)


_OPERATIONS: Final[dict[str, Callable[[Writing, Operation], Outcome]]] = {
    "Create": _create,
    "Upsert": _upsert,
    "Read": _read,
    "Replace": _replace,
    "Delete": _delete,
    "Patch": _patch,
}
