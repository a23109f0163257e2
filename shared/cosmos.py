"""Cosmos DB: the only module that speaks `azure.cosmos`.

A `Container` refuses to store what the data map does not declare, and turns the few answers that use cases decide on
into values and small exceptions. Everything else, such as an outage, is raised as it is.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Self

from shared import data_map

if TYPE_CHECKING:
    from azure.cosmos.aio import ContainerProxy, CosmosClient

READ_TIMEOUT_S: Final = 10
"""Longest silence of a connection before the client gives a request up, and perhaps tries it again."""

OPERATION_LIMIT_S: Final = 30
"""Bound on one operation with all of the client's own retries. The client's own bound is not used: it is per call only,
and does not stop a read from a server that never answers."""

PAGE_SIZE: Final = 100
CONCURRENT_REQUESTS: Final = 64
"""Bound on the connections of one worker process."""

Item = dict[str, Any]


def declared(item: Mapping[str, Any]) -> Item:
    """An item as it was stored, without the system properties that a read adds."""
    return {name: value for name, value in item.items() if not name.startswith("_")}


class Conflict(Exception):
    """An item with that id is there already."""


class Stale(Exception):
    """The item has changed since it was read, or is gone."""


class BatchFailed(Exception):
    """A transactional batch was refused as a whole: `index` is the operation that failed, `status` its answer."""

    def __init__(self, status: int, index: int) -> None:
        """Name the operation that failed."""
        super().__init__(f"operation {index} of the batch answered {status}")
        self.status = status
        self.index = index


class PlaceUnknown(Exception):
    """A place in the items or the changes of a partition that this database does not know."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Items of one partition in the order of their last change, each with the number of it; and where to go on.

    All that one transaction wrote has one number (`_lsn`), and lies on one page.
    """

    items: list[Item]
    place: str


@dataclass(frozen=True, slots=True)
class Page:
    """Some items of one partition, and where the next page begins; None: there is no other."""

    items: list[Item]
    after: str | None


@dataclass(frozen=True, slots=True)
class Create:
    """Create an item; 409 when it is there."""

    item: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Replace:
    """Replace an item under its ETag; 412 when it has changed."""

    item: Mapping[str, Any]
    etag: str


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete an item; 404 when it is not there, 412 when it has changed since it had the ETag."""

    item_id: str
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """Let the batch fail with 404 unless the item is there."""

    item_id: str


Operation = Create | Replace | Delete | Read


class Container:
    """One container, as use cases see it."""

    def __init__(self, name: str, proxy: "ContainerProxy") -> None:
        """Wrap the SDK's proxy."""
        self.name = name
        self.partition_key = data_map.CONTAINERS[name].partition_key
        self._proxy = proxy

    async def read(self, partition: str, item_id: str) -> Item | None:
        """One item with its `_etag`, or None."""
        from azure.cosmos.exceptions import CosmosResourceNotFoundError  # noqa: PLC0415 - loaded where used

        try:
            async with asyncio.timeout(OPERATION_LIMIT_S):
                return dict(await self._proxy.read_item(item_id, partition))
        except CosmosResourceNotFoundError:
            return None

    async def create(self, item: Mapping[str, Any]) -> None:
        """Store a new item.

        Raises:
            Conflict: there is one with that id.
        """
        from azure.cosmos.exceptions import CosmosResourceExistsError  # noqa: PLC0415 - loaded where used

        data_map.checked(self.name, item)
        try:
            async with asyncio.timeout(OPERATION_LIMIT_S):
                await self._proxy.create_item(dict(item), no_response=True)
        except CosmosResourceExistsError as error:
            raise Conflict(f"item in {self.name}") from error

    async def replace(self, item: Mapping[str, Any], etag: str) -> str:
        """Replace an item that has not changed since it was read; return its new ETag.

        Raises:
            Stale: it has changed, or is gone.
        """
        from azure.core import MatchConditions  # noqa: PLC0415 - loaded where used
        from azure.cosmos.exceptions import (  # noqa: PLC0415 - loaded where used
            CosmosAccessConditionFailedError,
            CosmosResourceNotFoundError,
        )

        data_map.checked(self.name, item)
        try:
            async with asyncio.timeout(OPERATION_LIMIT_S):
                answer = await self._proxy.replace_item(
                    item["id"], dict(item), etag=etag, match_condition=MatchConditions.IfNotModified
                )
        except (CosmosAccessConditionFailedError, CosmosResourceNotFoundError) as error:
            raise Stale(f"item in {self.name}") from error
        return str(answer.get_response_headers()["etag"])

    async def batch(self, partition: str, operations: Sequence[Operation]) -> None:
        """Do all operations on one partition, or none.

        Raises:
            BatchFailed: one of them was refused.
        """
        from azure.cosmos.exceptions import CosmosBatchOperationError  # noqa: PLC0415 - loaded where used

        try:
            async with asyncio.timeout(OPERATION_LIMIT_S):
                await self._proxy.execute_item_batch([self._written(operation) for operation in operations], partition)
        except CosmosBatchOperationError as error:
            index = int(error.error_index or 0)
            responses = error.operation_responses or []
            status = responses[index].get("statusCode") if index < len(responses) else error.status_code
            raise BatchFailed(int(status or 0), index) from error

    def _written(
        self, operation: Operation
    ) -> tuple[str, tuple[Any, ...]] | tuple[str, tuple[Any, ...], dict[str, Any]]:
        match operation:
            case Create(item):
                data_map.checked(self.name, item)
                return ("create", (dict(item),))
            case Replace(item, etag):
                data_map.checked(self.name, item)
                return ("replace", (item["id"], dict(item)), {"if_match_etag": etag})
            case Delete(item_id, etag):
                return ("delete", (item_id,), {"if_match_etag": etag} if etag is not None else {})
            case Read(item_id):
                return ("read", (item_id,))

    async def query(
        self,
        query: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        partition: str | None = None,
        page_size: int = PAGE_SIZE,
    ) -> AsyncIterator[Item]:
        """Items of one partition, page by page; of all partitions when none is named (timers only, never a request)."""
        written: list[dict[str, object]] = [
            {"name": f"@{name}", "value": value} for name, value in (parameters or {}).items()
        ]
        scope: dict[str, Any] = {"partition_key": partition} if partition is not None else {}
        found = self._proxy.query_items(query, parameters=written, max_item_count=page_size, **scope)
        pages = aiter(found.by_page())
        while True:
            async with asyncio.timeout(OPERATION_LIMIT_S):
                page = await anext(pages, None)
                items = [item async for item in page] if page is not None else []
            if page is None:
                return
            for item in items:
                yield item

    async def page(
        self, query: str, parameters: Mapping[str, Any], *, partition: str, after: str | None, most: int = PAGE_SIZE
    ) -> Page:
        """The next page of a query in one partition; who goes on later names the same query and parameters.

        Where it goes on is the store's own continuation, which stays good however long it is kept.

        Raises:
            PlaceUnknown: the store does not know that continuation, as after a restore.
        """
        from azure.cosmos.exceptions import CosmosHttpResponseError  # noqa: PLC0415 - loaded where used

        written: list[dict[str, object]] = [{"name": f"@{name}", "value": value} for name, value in parameters.items()]
        found = self._proxy.query_items(query, parameters=written, max_item_count=most, partition_key=partition)
        pages: Any = found.by_page(after)
        try:
            async with asyncio.timeout(OPERATION_LIMIT_S):
                page = await anext(aiter(pages), None)
                items = [item async for item in page] if page is not None else []
        except CosmosHttpResponseError as error:
            if after is None or error.status_code != HTTPStatus.BAD_REQUEST:
                raise
            raise PlaceUnknown(self.name) from error
        return Page(items, pages.continuation_token)

    async def changes(self, partition: str, place: str | None, *, most: int) -> Changes:
        """The next items that changed in one partition, about so many; without a place from the beginning.

        Raises:
            PlaceUnknown: the place is of another database, such as the one before a restore.
        """
        answered: list[Mapping[str, Any]] = []  # the client's own continuation is lost when nothing has changed
        start: dict[str, Any] = (
            {"partition_key": partition, "start_time": "Beginning"} if place is None else {"continuation": place}
        )
        found = self._proxy.query_items_change_feed(
            max_item_count=most, response_hook=lambda headers, _body: answered.append(headers), **start
        )
        try:
            async with asyncio.timeout(OPERATION_LIMIT_S):
                page = await anext(aiter(found.by_page()), None)
                items = [item async for item in page] if page is not None else []
        except ValueError as error:
            raise PlaceUnknown(self.name) from error
        return Changes(items, str(answered[-1]["etag"]))


class Database:
    """The containers of the service, over one client per worker process."""

    def __init__(self, client: "CosmosClient", name: str) -> None:
        """Take an opened client."""
        self._client = client
        database = client.get_database_client(name)
        self._containers = {
            container: Container(container, database.get_container_client(container))
            for container in data_map.CONTAINERS
        }

    @classmethod
    async def open(cls, endpoint: str, credential: Any, name: str) -> Self:
        """Connect; must run inside the loop that uses it."""
        import aiohttp  # noqa: PLC0415 - loaded where used
        from azure.core.pipeline.transport import AioHttpTransport  # noqa: PLC0415 - loaded where used
        from azure.cosmos.aio import CosmosClient  # noqa: PLC0415 - loaded where used

        # trust_env costs a third of a small request's CPU: it looks up netrc and proxy variables every time.
        session = aiohttp.ClientSession(
            trust_env=False, auto_decompress=False, connector=aiohttp.TCPConnector(limit=CONCURRENT_REQUESTS)
        )
        client = CosmosClient(
            endpoint,
            credential,
            transport=AioHttpTransport(session=session, session_owner=True),
            connection_timeout=READ_TIMEOUT_S,
            read_timeout=READ_TIMEOUT_S,
            no_response_on_write=True,
        )
        async with asyncio.timeout(OPERATION_LIMIT_S):
            try:
                await client.__aenter__()
            except BaseException:
                await session.close()  # the client closes it only once it is open
                raise
        return cls(client, name)

    async def close(self) -> None:
        """Close the client and its connections."""
        await self._client.close()

    def __getitem__(self, container: str) -> Container:
        """The container of that name; it is in the data map."""
        return self._containers[container]
