"""A ZIP archive that is written entry by entry, by whoever goes on: an entry is complete when the next one begins.

Each entry is small and in memory, so that sizes and checksum stand before its content: any program reads it, also as a
stream. The archive itself may be of any size (ZIP64).
"""

import hashlib
import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final, Self

LEVEL: Final = 1
"""Of compression: rows of readings shrink to a twentieth at any level, and this one takes a tenth of the time."""

_NEEDS, _NEEDS_ZIP64 = 20, 45
_UTF8: Final = 0x800
_DEFLATED: Final = 8
_FULL_32: Final = 0xFFFFFFFF
_FULL_16: Final = 0xFFFF
_ZIP64_EXTRA: Final = 1
_READABLE: Final = 0o600 << 16

_LOCAL: Final = struct.Struct("<4s5H3I2H")
_CENTRAL: Final = struct.Struct("<4s6H3I5H2I")
_END64: Final = struct.Struct("<4sQ2H2I4Q")
_LOCATOR64: Final = struct.Struct("<4sIQI")
_END: Final = struct.Struct("<4s4H2IH")


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the archive: what the directory at the end, and the manifest, say of it."""

    name: str
    offset: int
    size: int
    packed: int
    crc: int
    sha256: str
    record: str = ""
    """Of what it holds rows, as `container/record`."""
    rows: int = 0
    first: str | None = None
    last: str | None = None

    def written(self) -> dict[str, Any]:
        """What JSON can hold, and `read` takes."""
        return asdict(self)

    @classmethod
    def read(cls, written: dict[str, Any]) -> Self:
        """The entry that was written so."""
        return cls(**written)


class Archive:
    """An archive from an offset on: what is added here, as bytes to be appended."""

    def __init__(self, offset: int, moment: datetime) -> None:
        """Go on at an offset; all entries bear one time."""
        self.offset = offset
        self.entries: list[Entry] = []
        self._stamp = _dos(moment)
        self._pieces: list[bytes] = []

    def add(
        self,
        name: str,
        pieces: Iterable[bytes],
        *,
        record: str = "",
        rows: int = 0,
        first: str | None = None,
        last: str | None = None,
    ) -> None:
        """Append a whole file, given in pieces."""
        deflating = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        digest, crc, size, packed = hashlib.sha256(), 0, 0, list[bytes]()
        for piece in pieces:
            digest.update(piece)
            crc = zlib.crc32(piece, crc)
            size += len(piece)
            packed.append(deflating.compress(piece))
        packed.append(deflating.flush())
        length = sum(map(len, packed))
        entry = Entry(name, self.offset, size, length, crc, digest.hexdigest(), record, rows, first, last)
        self._append(_local(entry, self._stamp), *packed)
        self.entries.append(entry)

    def close(self, entries: Sequence[Entry]) -> None:
        """Append the directory of these entries, which are all that the archive holds."""
        begins = self.offset
        for entry in entries:
            self._append(_central(entry, self._stamp))
        self._append(_end(len(entries), begins, self.offset - begins))

    def taken(self) -> bytes:
        """What was appended since the last call."""
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)

    def _append(self, *pieces: bytes) -> None:
        self._pieces.extend(pieces)
        self.offset += sum(map(len, pieces))


def _dos(moment: datetime) -> tuple[int, int]:
    """Time and date as MS-DOS has them."""
    return (
        moment.hour << 11 | moment.minute << 5 | moment.second // 2,
        moment.year - 1980 << 9 | moment.month << 5 | moment.day,
    )


def _local(entry: Entry, stamp: tuple[int, int]) -> bytes:
    name = entry.name.encode()
    head = _LOCAL.pack(
        b"PK\3\4", _NEEDS, _UTF8, _DEFLATED, *stamp, entry.crc, entry.packed, entry.size, len(name), 0
    )  # fmt: skip
    return head + name


def _central(entry: Entry, stamp: tuple[int, int]) -> bytes:
    """Beyond 4 GB the offset of an entry stands in an extra field."""
    name, is_far = entry.name.encode(), entry.offset >= _FULL_32
    extra = struct.pack("<2HQ", _ZIP64_EXTRA, 8, entry.offset) if is_far else b""
    needs = _NEEDS_ZIP64 if is_far else _NEEDS
    head = _CENTRAL.pack(
        b"PK\1\2", 3 << 8 | needs, needs, _UTF8, _DEFLATED, *stamp, entry.crc, entry.packed, entry.size,
        len(name), len(extra), 0, 0, 0, _READABLE, _FULL_32 if is_far else entry.offset,
    )  # fmt: skip
    return head + name + extra


def _end(count: int, begins: int, size: int) -> bytes:
    end = _END.pack(
        b"PK\5\6", 0, 0, min(count, _FULL_16), min(count, _FULL_16), min(size, _FULL_32), min(begins, _FULL_32), 0
    )
    if count < _FULL_16 and begins < _FULL_32 and size < _FULL_32:
        return end
    end64 = _END64.pack(
        b"PK\6\6", _END64.size - 12, _NEEDS_ZIP64, _NEEDS_ZIP64, 0, 0, count, count, size, begins
    )  # fmt: skip
    return end64 + _LOCATOR64.pack(b"PK\6\7", 0, begins + size, 1) + end
