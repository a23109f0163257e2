"""Requests about the items of a container."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from local.cosmos import batch, change_feed, charges, documents, query
from local.cosmos.catalogue import Catalogue
from local.cosmos.containers import Container
from local.cosmos.documents import Writing
from local.cosmos.exchange import Answer, Exchange, feed
from local.cosmos.failures import Failure, Substatus, bad_request, not_found, too_large, unsupported
from local.cosmos.holds import BatchHold, Holds
from local.cosmos.operations import Operation, Outcome, perform
from local.cosmos.query_scope import Target
from local.cosmos.scan import Range
from local.cosmos.store import Store

_METHODS: Final = {"PUT": "Replace", "DELETE": "Delete", "PATCH": "Patch"}
_UNSUPPORTED_HEADERS: Final = {
    "x-ms-documentdb-pre-trigger-include": "A pre-trigger",
    "x-ms-documentdb-post-trigger-include": "A post-trigger",
    "x-ms-cosmos-is-query-plan-request": "A query plan",
}


class Items:
    """Reads and writes of items."""

    def __init__(self, store: Store, catalogue: Catalogue, holds: Holds, clock: Callable[[], float]) -> None:
        self._store = store
        self._catalogue = catalogue
        self._holds = holds
        self._clock = clock

    def container(self, exchange: Exchange) -> Container:
        """The container of a request.

        Raises:
            Failure: there is none, or not any more the one that the client knows.
        """
        container = self._catalogue.container(exchange.path[1], exchange.path[3])
        intended = exchange.header("x-ms-cosmos-intended-collection-rid")
        if intended is not None and intended != container.rid:
            raise bad_request("The container was created anew.", substatus=Substatus.CONTAINER_RECREATED)
        return container

    async def collection(self, exchange: Exchange, container: Container) -> Answer:
        """`.../docs`: create, upsert, batch, query, read all, change feed."""
        if exchange.method == "GET":
            return await (self._changes if exchange.header("a-im") else self._read_all)(exchange, container)
        if exchange.method != "POST":
            raise unsupported("This method on the items of a container")
        if exchange.is_query:
            return await self._query(exchange, container, *exchange.query)
        if exchange.flag("x-ms-cosmos-is-batch-request"):
            return await self._batch(exchange, container)
        return self._insert(exchange, container)

    def item(self, exchange: Exchange, container: Container) -> Answer:
        """`.../docs/{id}`: read, replace, delete, patch."""
        if exchange.method == "GET":
            return self._read(exchange, container)
        kind = _METHODS.get(exchange.method)
        if kind is None:
            raise unsupported("This method on an item")
        body = None if kind == "Delete" else exchange.json
        text = exchange.body if kind == "Replace" else None
        return self._write(exchange, container, kind, exchange.path[5], body, text)

    def delete_partition(self, exchange: Exchange, container: Container) -> Answer:
        """`.../operations/partitionkeydelete`: delete all items of one partition key, at once."""
        epk = _full_key(exchange, container)
        with Writing.begin(self._store, container, exchange.now) as writing:
            writing.remove_partition(epk)
        return Answer("delete_partition", charge=charges.METADATA)

    def _read(self, exchange: Exchange, container: Container) -> Answer:
        epk = _full_key(exchange, container)
        row = documents.find(self._store.connection, container, epk, exchange.path[5], exchange.now)
        if row is None:
            raise not_found()
        if exchange.header("if-none-match") in ("*", row.etag):
            return Answer("read", HTTPStatus.NOT_MODIFIED, charge=charges.FAILED, headers={"etag": row.etag})
        charge = charges.point_read(len(row.body))
        return Answer("read", body=row.body, charge=charge, headers={"etag": row.etag})

    def _insert(self, exchange: Exchange, container: Container) -> Answer:
        kind = "Upsert" if exchange.flag("x-ms-documentdb-is-upsert") else "Create"
        return self._write(exchange, container, kind, None, exchange.json, exchange.body)

    def _write(
        self, exchange: Exchange, container: Container, kind: str, name: str | None, body: object, text: bytes | None
    ) -> Answer:
        if exchange.header("if-none-match"):
            raise unsupported("If-None-Match on a write")
        epk = self._key_of(exchange, container, body)
        operation = Operation(kind, epk, name, body, text, exchange.header("if-match"))
        with Writing.begin(self._store, container, exchange.now) as writing:
            outcome = perform(writing, operation)
        return _written(exchange, kind, outcome)

    def _key_of(self, exchange: Exchange, container: Container, body: object) -> bytes:
        """The key in the header; a client may leave it to the server to find it in a whole item."""
        header = exchange.header("x-ms-documentdb-partitionkey")
        if header is None and isinstance(body, dict) and exchange.method in ("POST", "PUT"):
            return container.partition_key.of(body)
        return _full_key(exchange, container)

    async def _batch(self, exchange: Exchange, container: Container) -> Answer:
        if exchange.flag("x-ms-cosmos-batch-continue-on-error") or not exchange.flag("x-ms-cosmos-batch-atomic"):
            raise unsupported("A batch that is not atomic")
        if len(exchange.body) > batch.MAX_BYTES:
            raise too_large()
        operations = batch.parse(exchange.json, len(exchange.body), _full_key(exchange, container))
        hold = self._holds.claim(container.id, exchange.header("x-ms-documentdb-partitionkey"))
        seen = None if hold is None else await self._held(exchange, container, operations, hold)
        if isinstance(seen, batch.BatchOutcome):
            outcome = seen
        else:
            outcome = await batch.execute(
                self._store, container, operations, exchange.now, minimal=_minimal(exchange), seen=seen
            )
        return Answer("batch", outcome.status, outcome.body, outcome.charge)

    async def _held(
        self, exchange: Exchange, container: Container, operations: list[Operation], hold: BatchHold
    ) -> batch.Seen | batch.BatchOutcome:
        """What the batch saw at its start, when it is released; its answer at once if it cannot succeed."""
        seen = batch.rehearse(self._store, container, operations, exchange.now)
        if isinstance(seen, batch.Seen):
            await hold.stop(exchange.now, self._clock)
            if self.container(exchange) is not container:
                raise not_found()
        return seen

    async def _read_all(self, exchange: Exchange, container: Container) -> Answer:
        answer = await self._query(exchange, container, "SELECT * FROM c", {}, whole=True)
        answer.operation = "read_all"
        return answer

    async def _query(
        self, exchange: Exchange, container: Container, text: str, parameters: dict[str, object], *, whole: bool = False
    ) -> Answer:
        size = exchange.number("x-ms-max-item-count")
        request = query.Request(
            text,
            parameters,
            _target(exchange, container, whole=whole),
            size if size is not None and size > 0 else query.DEFAULT_PAGE,
            exchange.header("x-ms-continuation"),
            exchange.now,
        )
        page = await query.run(self._store, container, request)
        headers = {"x-ms-item-count": str(len(page.results))}
        if page.continuation:
            headers["x-ms-continuation"] = page.continuation
        body = feed("Documents", container.rid, page.results)
        return Answer("query", body=body, charge=page.charge, headers=headers)

    async def _changes(self, exchange: Exchange, container: Container) -> Answer:
        if exchange.headers["a-im"] != "Incremental Feed":
            raise unsupported(f"The change feed mode '{exchange.headers['a-im']}'")
        after, since = change_feed.parse_position(
            exchange.header("if-none-match"), exchange.header("if-modified-since")
        )
        size = exchange.number("x-ms-max-item-count")
        within = _target(exchange, container, whole=True).range(container)
        page_size = size if size is not None and size > 0 else change_feed.DEFAULT_PAGE
        request = change_feed.FeedRequest(after, since, within, page_size, exchange.now)
        page = await change_feed.read(self._store, container, request)
        headers = {"etag": f'"{page.lsn}"', "x-ms-item-count": str(len(page.results))}
        if not page.results:
            return Answer("change_feed", HTTPStatus.NOT_MODIFIED, charge=page.charge, headers=headers)
        body = feed("Documents", container.rid, page.results)
        return Answer("change_feed", body=body, charge=page.charge, headers=headers)


def check_headers(exchange: Exchange) -> None:
    """Refuse what a header asks for and is not supported.

    Raises:
        Failure: 400, with its name.
    """
    for name, construct in _UNSUPPORTED_HEADERS.items():
        if exchange.header(name):
            raise unsupported(construct)


def _full_key(exchange: Exchange, container: Container) -> bytes:
    header = exchange.header("x-ms-documentdb-partitionkey")
    if header is None:
        raise bad_request("The request needs a partition key in the header x-ms-documentdb-partitionkey.")
    return container.partition_key.parse_header(header)


def _target(exchange: Exchange, container: Container, *, whole: bool) -> Target:
    header = exchange.header("x-ms-documentdb-partitionkey")
    start, end = exchange.headers.get("x-ms-start-epk"), exchange.headers.get("x-ms-end-epk")
    try:
        within = None if start is None or end is None else Range(bytes.fromhex(start), bytes.fromhex(end))
    except ValueError:
        raise _bad_range(start, end) from None
    return Target(
        container.partition_key.parse_prefix(header) if header else None,
        within,
        "x-ms-documentdb-partitionkeyrangeid" in exchange.headers,
        whole or exchange.flag("x-ms-documentdb-query-enablecrosspartition"),
    )


def _bad_range(start: str | None, end: str | None) -> Failure:
    return bad_request(f"The range of effective partition keys from '{start}' to '{end}' cannot be read.")


def _minimal(exchange: Exchange) -> bool:
    return exchange.headers.get("prefer") == "return=minimal"


def _written(exchange: Exchange, kind: str, outcome: Outcome) -> Answer:
    headers = {} if outcome.etag is None else {"etag": outcome.etag}
    body = b"" if _minimal(exchange) else outcome.body
    return Answer(kind.lower(), outcome.status, body, outcome.charge, headers=headers)
