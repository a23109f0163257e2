"""Blob storage: the only module that speaks `azure.storage.blob`."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Self

from shared.cosmos import Conflict

if TYPE_CHECKING:
    from azure.storage.blob.aio import BlobServiceClient

EXPORTS: Final = "exports"
VAULT: Final = "vault"
"""Sealed bodies of what is blocked."""

VAULT_KEYS: Final = "vault-keys"
"""A wrapped key per month of destruction. In Azure its account has neither soft delete nor versioning."""

JOURNAL: Final = "journal"
"""What is written once and never changed; in Azure the container is immutable."""

CHECKPOINTS: Final = "azure-webjobs-eventhub"
"""Where the Functions host keeps how far it has read; in its own storage account."""

BLOCK_SIZE: Final = 4 * 1024 * 1024
REQUEST_TIMEOUT_S: Final = 30


class Blobs:
    """The blobs of the service."""

    def __init__(self, client: "BlobServiceClient", account_key: str | None) -> None:
        """Wrap an SDK client; `account_key` is None where links are signed by a user delegation."""
        self._client = client
        self._account_key = account_key

    @classmethod
    def open(cls, *, connection: str | None, account_url: str | None, credential: Any) -> Self:
        """Make the client; must run inside the loop that uses it."""
        from azure.storage.blob.aio import BlobServiceClient  # noqa: PLC0415 - loaded where used

        sizes: dict[str, Any] = {
            "max_block_size": BLOCK_SIZE,
            "max_single_put_size": BLOCK_SIZE,
            "connection_timeout": REQUEST_TIMEOUT_S,
            "read_timeout": REQUEST_TIMEOUT_S,
        }
        if connection is not None:
            client = BlobServiceClient.from_connection_string(connection, **sizes)
            return cls(client, str(client.credential.account_key))
        return cls(BlobServiceClient(str(account_url), credential, **sizes), None)

    async def upload(self, container: str, name: str, content: AsyncIterator[bytes]) -> None:
        """Stream a blob up, block by block; it becomes visible when all of it is there."""
        blob = self._client.get_blob_client(container, name)
        await blob.upload_blob(content, overwrite=True, max_concurrency=1)

    async def create(self, container: str, name: str, content: bytes) -> None:
        """Write a blob that is not there yet.

        Raises:
            Conflict: there is one of that name. It may be this one, when the answer to a first try was lost.
        """
        from azure.core.exceptions import ResourceExistsError  # noqa: PLC0415 - loaded where used

        try:
            await self._client.get_blob_client(container, name).upload_blob(content, overwrite=False)
        except ResourceExistsError as error:
            raise Conflict(f"blob in {container}") from error

    async def read(self, container: str, name: str) -> bytes | None:
        """A small blob as a whole, or None."""
        from azure.core.exceptions import ResourceNotFoundError  # noqa: PLC0415 - loaded where used

        try:
            download = await self._client.get_blob_client(container, name).download_blob(max_concurrency=1)
            return bytes(await download.readall())
        except ResourceNotFoundError:
            return None

    async def stream(self, container: str, name: str) -> tuple[AsyncIterator[bytes], int]:
        """A blob piece by piece, and its size in bytes."""
        download = await self._client.get_blob_client(container, name).download_blob(max_concurrency=1)
        return download.chunks(), int(download.size)

    async def write(self, container: str, name: str, content: bytes) -> None:
        """Write a small blob, whatever was there."""
        await self._client.get_blob_client(container, name).upload_blob(content, overwrite=True)

    async def read_tagged(self, container: str, name: str) -> tuple[bytes | None, str]:
        """A small blob as a whole, or None, with its ETag."""
        from azure.core.exceptions import ResourceNotFoundError  # noqa: PLC0415 - loaded where used

        try:
            download = await self._client.get_blob_client(container, name).download_blob(max_concurrency=1)
            return bytes(await download.readall()), str(download.properties.etag)
        except ResourceNotFoundError:
            return None, ""

    async def replace(self, container: str, name: str, content: bytes, etag: str) -> bool:
        """Replace a blob that has not changed since it was read; whether it had not, and is still there."""
        from azure.core import MatchConditions  # noqa: PLC0415 - loaded where used
        from azure.core.exceptions import ResourceModifiedError  # noqa: PLC0415 - loaded where used

        try:
            await self._client.get_blob_client(container, name).upload_blob(
                content, overwrite=True, etag=etag, match_condition=MatchConditions.IfNotModified
            )
        except ResourceModifiedError:
            return False
        return True

    async def stage(self, container: str, name: str, block: str, content: bytes) -> None:
        """Put a block of a blob there, at most `BLOCK_SIZE` of it; nobody sees it before it is published.

        All blocks of one blob have names of the same length; the same name again replaces it.
        """
        await self._client.get_blob_client(container, name).stage_block(block, content)

    async def publish(self, container: str, name: str, blocks: Sequence[str]) -> None:
        """Let a blob be these blocks; what else was staged of it goes. The same again changes nothing."""
        from azure.storage.blob import BlobBlock  # noqa: PLC0415 - loaded where used

        await self._client.get_blob_client(container, name).commit_block_list([BlobBlock(block) for block in blocks])

    async def clear(self, container: str, prefix: str, *, but: str = "") -> None:
        """Delete every blob whose name begins so, and what was staged for one that was never published."""
        async for name in self.names(container, prefix):
            if name != but:
                await self.delete(container, name)
        async for name in self.names(container, prefix, unpublished=True):
            if name != but:
                await self.write(container, name, b"")  # which discards its blocks
                await self.delete(container, name)

    async def names(self, container: str, prefix: str, *, unpublished: bool = False) -> AsyncIterator[str]:
        """The names that begin so, in their order, page by page; of blobs of which only blocks are there as well."""
        include = ["uncommittedblobs"] if unpublished else None
        found = self._client.get_container_client(container).list_blobs(name_starts_with=prefix, include=include)
        async for blob in found:
            yield str(blob.name)

    async def marks(self, container: str) -> AsyncIterator[tuple[str, dict[str, str], datetime]]:
        """Every blob with its metadata and when that was last written; none when the container is not there yet."""
        from azure.core.exceptions import ResourceNotFoundError  # noqa: PLC0415 - loaded where used

        try:
            async for blob in self._client.get_container_client(container).list_blobs(include=["metadata"]):
                yield str(blob.name), dict(blob.metadata or {}), blob.last_modified
        except ResourceNotFoundError:
            return

    async def delete(self, container: str, name: str) -> None:
        """Delete a blob; one that is gone already is fine."""
        from azure.core.exceptions import ResourceNotFoundError  # noqa: PLC0415 - loaded where used

        try:
            await self._client.get_blob_client(container, name).delete_blob()
        except ResourceNotFoundError:
            return

    async def read_link(self, container: str, name: str, *, now: datetime, life: timedelta) -> str:
        """An address that lets whoever has it read this one blob for a while."""
        from azure.storage.blob import BlobSasPermissions, generate_blob_sas  # noqa: PLC0415 - loaded where used

        account_name = str(self._client.account_name)
        expiry = now + life
        delegation = None
        if self._account_key is None:
            delegation = await self._client.get_user_delegation_key(now - timedelta(minutes=5), expiry)
        token = generate_blob_sas(
            account_name,
            container,
            name,
            account_key=self._account_key,
            user_delegation_key=delegation,
            permission=BlobSasPermissions(read=True),
            expiry=expiry,
            content_disposition='attachment; filename="my-data.zip"',
            content_type="application/zip",
        )
        return f"{self._client.get_blob_client(container, name).url}?{token}"

    async def close(self) -> None:
        """Close the client and its connections."""
        await self._client.close()
