"""What the steps of a copy tell each other: a note per part, in a blob beside the archive, named with the attempt."""

import json
import math
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from export_user_data.copying.archive import Entry
from export_user_data.copying.reconciling import Tally
from export_user_data.walk import Place
from shared.blobs import BLOCK_SIZE, EXPORTS, Blobs
from shared.cosmos import Item

Tallies = dict[str, Tally]


class NoteGone(Exception):
    """What an earlier step had noted is not there any more."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Where the walk goes, and what the store counted in each place."""

    places: list[Place]
    counted: list[Tallies]

    def written(self) -> dict[str, Any]:
        """What JSON can hold, and `read` takes."""
        return {"places": [asdict(place) for place in self.places], "counted": [_pairs(one) for one in self.counted]}

    @classmethod
    def read(cls, note: Mapping[str, Any]) -> Self:
        """The plan that was noted."""
        return cls([_place(one) for one in note["places"]], [_tallies(one) for one in note["counted"]])


@dataclass(frozen=True, slots=True)
class Taken:
    """What a part took from one place of the plan."""

    place: int
    written: Tallies
    since: Tallies


@dataclass(frozen=True, slots=True)
class PartNote:
    """What is to be known of a part, and how the next one goes on."""

    entries: list[Entry] = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)
    named: dict[str, int] = field(default_factory=dict)
    digest: dict[str, Any] | None = None

    def written(self) -> dict[str, Any]:
        """What JSON can hold, and `read` takes."""
        return {
            "entries": [entry.written() for entry in self.entries],
            "taken": [[one.place, _pairs(one.written), _pairs(one.since)] for one in self.taken],
            "named": self.named,
            "digest": self.digest,
        }

    @classmethod
    def read(cls, note: Mapping[str, Any]) -> Self:
        """The note of a part."""
        return cls(
            [Entry.read(one) for one in note["entries"]],
            [Taken(place, _tallies(written), _tallies(since)) for place, written, since in note["taken"]],
            dict(note["named"]),
            note["digest"],
        )


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where the blobs of one copy lie."""

    export_id: str
    blobs: Blobs

    @property
    def prefix(self) -> str:
        """How the name of each of them begins."""
        return f"{self.export_id}/"

    async def note(self, number: int, attempt: int, content: Mapping[str, Any]) -> None:
        """Keep a note."""
        written = json.dumps(content, ensure_ascii=False).encode()
        await self.blobs.write(EXPORTS, self._name(number, attempt), written)

    async def noted(self, number: int, attempt: int) -> dict[str, Any]:
        """The note of a part that counts.

        Raises:
            NoteGone: it is not there.
        """
        written = await self.blobs.read(EXPORTS, self._name(number, attempt))
        if written is None:
            raise NoteGone
        return dict(json.loads(written))

    async def stage(self, archive: str, number: int, attempt: int, content: bytes) -> int:
        """Stage the blocks of a part; how many they are."""
        starts = range(0, len(content), BLOCK_SIZE)
        for place, start in enumerate(starts):
            block = block_name(number, attempt, place)
            await self.blobs.stage(EXPORTS, archive, block, content[start : start + BLOCK_SIZE])
        return len(starts)

    async def publish(self, archive: str, parts: Sequence[Sequence[int]]) -> None:
        """Let the archive be the blocks of these parts, and nothing else that any attempt has staged."""
        blocks = [
            block_name(number, attempt, place)
            for number, (attempt, count) in enumerate(parts)
            for place in range(count)
        ]
        await self.blobs.publish(EXPORTS, archive, blocks)

    async def clear(self, *, but: str = "") -> None:
        """Remove everything, or everything but one."""
        await self.blobs.clear(EXPORTS, self.prefix, but=but)

    async def outdated(self, job: Item) -> AsyncIterator[str]:
        """Blobs of attempts before the one that counts for the job, also those that nobody sees."""
        first = _first_attempt(job)
        async for name in self.blobs.names(EXPORTS, self.prefix, unpublished=True):
            if attempt_of(name) < first:
                yield name

    async def clear_outdated(self, job: Item) -> None:
        """Remove those."""
        for name in [name async for name in self.outdated(job)]:
            await self.blobs.clear(EXPORTS, name)

    def archive(self, attempt: int) -> str:
        """The name of the archive that an attempt begins."""
        return f"{self.prefix}{attempt}.zip"

    def _name(self, number: int, attempt: int) -> str:
        return f"{self.prefix}work/{number}-{attempt}.json"


def block_name(number: int, attempt: int, place: int) -> str:
    """The name of a block: all have the same length."""
    return f"{number:06}-{attempt:06}-{place:04}"


def attempt_of(name: str) -> int:
    """The attempt that is in the name of an archive or a note."""
    stem, _ = name.rpartition("/")[2].rsplit(".", 1)
    return int(stem.rpartition("-")[2])


def _first_attempt(job: Item) -> float:
    """The attempt that began the copy; that of no blob, when it is over and nothing can be had of it."""
    if job["state"] in {"done", "parked"} and "blobName" not in job:
        return math.inf
    archive = job["cursor"].get("archive")
    return attempt_of(archive) if archive is not None else int(job["attempt"])


def _place(written: Mapping[str, Any]) -> Place:
    only = written["only"]
    return Place(**{**written, "only": tuple(only) if only is not None else None})


def _pairs(tallies: Mapping[str, Tally]) -> dict[str, list[int]]:
    return {name: [tally.items, tally.rows] for name, tally in tallies.items()}


def _tallies(pairs: Mapping[str, Sequence[int]]) -> Tallies:
    return {name: Tally(*pair) for name, pair in pairs.items()}
