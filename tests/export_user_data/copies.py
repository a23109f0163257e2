"""Copies for tests: asked for, made step by step as a worker makes them, and downloaded."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from export_user_data import exports
from export_user_data.contract import Export
from export_user_data.copying.closing import Documents
from export_user_data.copying.steps import Tools, end, step
from export_user_data.documents.bundled import documents_for
from shared import jobs
from shared.blobs import EXPORTS, Blobs
from shared.cosmos import Database, Item
from shared.jobs import Lease, Stepped
from shared.keys import KeySet
from tests.conftest import SettableClock
from tests.doubles import RecordingHub
from tests.export_user_data.documents.written import INSTALLATION

DOCUMENTS: Final = partial(documents_for, about=INSTALLATION)


@dataclass
class Copies:
    """What a copy is made with."""

    database: Database
    blobs: Blobs
    keys: KeySet
    clock: SettableClock
    documents: Documents = DOCUMENTS
    recipients: Collection[str] | None = None

    @property
    def tools(self) -> Tools:
        return Tools(
            database=self.database,
            blobs=self.blobs,
            keys=self.keys,
            documents=self.documents,
            recipients=self.recipients,
        )

    async def asked(self, person: str, scope: str = "access") -> str:
        """Ask for a copy."""
        return (await self.request(person, scope)).export_id

    async def request(self, person: str, scope: str = "access") -> Export:
        return await exports.request_export(person, scope, database=self.database, hub=RecordingHub(), now=self.clock())

    async def run(self, export_id: str) -> str:
        """Do its steps until it is done or lets go."""

        async def next_step(lease: Lease) -> Stepped:
            return await step(self.tools, lease)

        async def tell(item: Item, state: str) -> None:
            await end(self.tools, item, state, now=self.clock())

        return await jobs.run_job(
            export_id,
            {exports.KIND: next_step},
            jobs=self.database["jobs"],
            hub=RecordingHub(),
            now=self.clock,
            ending=tell,
        )

    async def run_one(self, export_id: str) -> str:
        """Do one step as a worker that is stopped behind it; where the next one begins."""
        stored = await self.job(export_id)
        lease = Lease(stored, jobs=self.database["jobs"], now=self.clock)
        await lease.commit(state="running", attempt=stored["attempt"] + 1)
        cursor = await step(self.tools, lease)
        assert isinstance(cursor, dict)
        await lease.commit(until=self.clock(), cursor=cursor, stepsDone=lease.item["stepsDone"] + 1)
        return str(cursor["phase"])

    async def job(self, export_id: str) -> Item:
        item = await self.database["jobs"].read(export_id, export_id)
        assert item is not None
        return item

    async def download(self, export_id: str, to: Path) -> Path:
        """The finished archive."""
        content = await self.blobs.read(EXPORTS, (await self.job(export_id))["blobName"])
        assert content is not None
        to.write_bytes(content)  # noqa: ASYNC240 - a test waits for its own file
        return to

    async def made(self, person: str, to: Path, scope: str = "access") -> Path:
        """Ask, make, download."""
        export_id = await self.asked(person, scope)
        assert await self.run(export_id) == "done"
        return await self.download(export_id, to)

    async def left(self, export_id: str) -> list[str]:
        """Names of its blobs, of what nobody sees as well."""
        return [name async for name in self.blobs.names(EXPORTS, f"{export_id}/", unpublished=True)]
