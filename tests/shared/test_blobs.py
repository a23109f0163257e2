"""Blobs that are written once: what lies there stays as it is."""

import pytest

from shared.blobs import JOURNAL, Blobs
from shared.cosmos import Conflict

pytestmark = pytest.mark.wire


async def test_a_blob_is_created_once(blobs: Blobs) -> None:
    """A second one of that name is refused, and the first one stays."""
    await blobs.create(JOURNAL, "a", b"first")
    with pytest.raises(Conflict):
        await blobs.create(JOURNAL, "a", b"second")
    assert await blobs.read(JOURNAL, "a") == b"first"


async def test_what_is_not_there_reads_as_none(blobs: Blobs) -> None:
    """As an item of the database does."""
    assert await blobs.read(JOURNAL, "nothing") is None


async def test_names_come_in_their_order(blobs: Blobs) -> None:
    """Those that begin with the prefix, and no others."""
    for name in ("b/2", "a/10", "a/2", "a/1"):
        await blobs.create(JOURNAL, name, b"")
    assert [name async for name in blobs.names(JOURNAL, "a/")] == ["a/1", "a/10", "a/2"]
