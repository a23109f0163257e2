"""AMQP 1.0 type system (part 1 of the specification): values to bytes and back.

Encoders name the wire type they write, because AMQP's peers distinguish what Python does not (`uint`, `ulong`, `int`).
"""

import struct
import uuid as uuids
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from local.eventhubs.errors import DecodeError

MALFORMED: Final = (IndexError, struct.error, ValueError, RecursionError, TypeError)
"""What reading a malformed buffer can raise besides `DecodeError`; whoever reads a peer's bytes turns it into one."""

_BYTE_LIMIT: Final = 256
_UINT32: Final = struct.Struct(">I")
_LONG: Final = struct.Struct(">q")


class Symbol(str):
    """A symbolic value: a name from a constrained domain."""

    __slots__ = ()


class Described(NamedTuple):
    """A value with a descriptor that tells what it means."""

    descriptor: Any
    value: Any


type Decoder = Callable[[bytes, int], tuple[Any, int]]
type Spans = list[tuple[int, int]]


def decode(buffer: bytes, position: int) -> tuple[Any, int]:
    """The value at `position`, and the position after it."""
    decoder = _DECODERS.get(buffer[position])
    if decoder is None:
        raise DecodeError(f"type constructor 0x{buffer[position]:02x} is not supported")
    return decoder(buffer, position + 1)


def end_of(buffer: bytes, position: int) -> int:
    """The position after the value at `position`, without building the value."""
    constructor = buffer[position]
    position += 1
    if constructor == 0:
        return end_of(buffer, end_of(buffer, position))
    category = constructor >> 4
    if category in _FIXED_WIDTHS:
        end = position + _FIXED_WIDTHS[category]
    elif category in _SHORT_CATEGORIES:
        end = position + 1 + buffer[position]
    elif category in _LONG_CATEGORIES:
        end = position + 4 + _UINT32.unpack_from(buffer, position)[0]
    else:
        raise DecodeError(f"type constructor 0x{constructor:02x} is not supported")
    if end > len(buffer):
        raise DecodeError("a value ends after its frame")
    return end


_FIXED_WIDTHS: Final = {4: 0, 5: 1, 6: 2, 7: 4, 8: 8, 9: 16}
_SHORT_CATEGORIES: Final = (0xA, 0xC, 0xE)
_LONG_CATEGORIES: Final = (0xB, 0xD, 0xF)


def element_spans(buffer: bytes, position: int) -> Spans:
    """Start and end of each element of the list or map at `position`."""
    count, position = _compound_head(buffer, position)
    spans: Spans = []
    for _ in range(count):
        end = end_of(buffer, position)
        spans.append((position, end))
        position = end
    return spans


def _compound_head(buffer: bytes, position: int) -> tuple[int, int]:
    constructor = buffer[position]
    if constructor == _LIST0:
        return 0, position + 1
    if constructor in (_LIST8, _MAP8):
        return buffer[position + 2], position + 3
    if constructor in (_LIST32, _MAP32):
        return _bounded(buffer, _UINT32.unpack_from(buffer, position + 5)[0]), position + 9
    raise DecodeError(f"expected a list or a map, not type constructor 0x{constructor:02x}")


def _bounded(buffer: bytes, count: int) -> int:
    """No compound has more elements than its buffer has bytes: a forged count must not cost memory."""
    if count > len(buffer):
        raise DecodeError("a compound value claims more elements than its frame can hold")
    return count


_LIST0: Final = 0x45
_LIST8: Final = 0xC0
_LIST32: Final = 0xD0
_MAP8: Final = 0xC1
_MAP32: Final = 0xD1


def _constant(value: Any) -> Decoder:
    return lambda _, position: (value, position)


def _fixed(layout: str) -> Decoder:
    form = struct.Struct(layout)
    unpack, size = form.unpack_from, form.size
    return lambda buffer, position: (unpack(buffer, position)[0], position + size)


def _variable(prefix: int, convert: Callable[[bytes], Any]) -> Decoder:
    def decoder(buffer: bytes, position: int) -> tuple[Any, int]:
        size = buffer[position] if prefix == 1 else _UINT32.unpack_from(buffer, position)[0]
        start = position + prefix
        end = start + size
        if end > len(buffer):
            raise DecodeError("a value ends after its frame")
        return convert(buffer[start:end]), end

    return decoder


def _text(value: bytes) -> str:
    return value.decode()


def _symbol(value: bytes) -> Symbol:
    return Symbol(value.decode("ascii"))


def _decode_list(buffer: bytes, position: int) -> tuple[list[Any], int]:
    count, position = _compound_head(buffer, position - 1)
    values = []
    for _ in range(count):
        value, position = decode(buffer, position)
        values.append(value)
    return values, position


def _decode_map(buffer: bytes, position: int) -> tuple[dict[Any, Any], int]:
    values, position = _decode_list(buffer, position)
    if len(values) % 2:
        raise DecodeError("a map has a key without a value")
    return dict(zip(values[::2], values[1::2], strict=True)), position


def _array(prefix: int) -> Decoder:
    def decoder(buffer: bytes, position: int) -> tuple[list[Any], int]:
        if prefix == 1:
            count, position = buffer[position + 1], position + 2
        else:
            count, position = _bounded(buffer, _UINT32.unpack_from(buffer, position + 4)[0]), position + 8
        element = _DECODERS.get(buffer[position])
        if element is None or buffer[position] == 0:
            raise DecodeError(f"arrays of type constructor 0x{buffer[position]:02x} are not supported")
        position += 1
        values = []
        for _ in range(count):
            value, position = element(buffer, position)
            values.append(value)
        return values, position

    return decoder


def _decode_described(buffer: bytes, position: int) -> tuple[Described, int]:
    descriptor, position = decode(buffer, position)
    value, position = decode(buffer, position)
    return Described(descriptor, value), position


def _decode_uuid(buffer: bytes, position: int) -> tuple[uuids.UUID, int]:
    try:
        return uuids.UUID(bytes=buffer[position : position + 16]), position + 16
    except ValueError as error:
        raise DecodeError("a uuid ends after its frame") from error


_DECODERS: Final[dict[int, Decoder]] = {
    0x00: _decode_described,
    0x40: _constant(None),
    0x41: _constant(True),
    0x42: _constant(False),
    0x43: _constant(0),
    0x44: _constant(0),
    _LIST0: _decode_list,
    0x50: _fixed(">B"),
    0x51: _fixed(">b"),
    0x52: _fixed(">B"),
    0x53: _fixed(">B"),
    0x54: _fixed(">b"),
    0x55: _fixed(">b"),
    0x56: _fixed(">?"),
    0x60: _fixed(">H"),
    0x61: _fixed(">h"),
    0x70: _fixed(">I"),
    0x71: _fixed(">i"),
    0x72: _fixed(">f"),
    0x80: _fixed(">Q"),
    0x81: _fixed(">q"),
    0x82: _fixed(">d"),
    0x83: _fixed(">q"),
    0x98: _decode_uuid,
    0xA0: _variable(1, bytes),
    0xA1: _variable(1, _text),
    0xA3: _variable(1, _symbol),
    0xB0: _variable(4, bytes),
    0xB1: _variable(4, _text),
    0xB3: _variable(4, _symbol),
    _LIST8: _decode_list,
    _MAP8: _decode_map,
    _LIST32: _decode_list,
    _MAP32: _decode_map,
    0xE0: _array(1),
    0xF0: _array(4),
}


NULL: Final = b"\x40"


def boolean(value: bool) -> bytes:
    """Encode a boolean."""
    return b"\x41" if value else b"\x42"


def ubyte(value: int) -> bytes:
    """Encode a ubyte."""
    return b"\x50" + value.to_bytes(1)


def ushort(value: int) -> bytes:
    """Encode a ushort."""
    return b"\x60" + value.to_bytes(2)


def uint(value: int) -> bytes:
    """Encode a uint."""
    return b"\x70" + _UINT32.pack(value)


def ulong(value: int) -> bytes:
    """Encode a ulong."""
    return b"\x53" + value.to_bytes(1) if value < _BYTE_LIMIT else b"\x80" + value.to_bytes(8)


def integer(value: int) -> bytes:
    """Encode a signed 32-bit integer."""
    return b"\x71" + value.to_bytes(4, signed=True)


def long(value: int) -> bytes:
    """Encode a signed 64-bit long."""
    return b"\x81" + _LONG.pack(value)


def timestamp(milliseconds: int) -> bytes:
    """Milliseconds since 1970."""
    return b"\x83" + _LONG.pack(milliseconds)


def binary(value: bytes) -> bytes:
    """Encode a binary."""
    return _sized(b"\xa0", b"\xb0", value)


def string(value: str) -> bytes:
    """Encode a string."""
    return _sized(b"\xa1", b"\xb1", value.encode())


def symbol(value: str) -> bytes:
    """Encode a symbol."""
    return _sized(b"\xa3", b"\xb3", value.encode("ascii"))


def _sized(short: bytes, wide: bytes, value: bytes) -> bytes:
    if len(value) < _BYTE_LIMIT:
        return short + len(value).to_bytes(1) + value
    return wide + _UINT32.pack(len(value)) + value


def sequence(elements: Iterable[bytes]) -> bytes:
    """A list of encoded values."""
    parts = list(elements)
    return _compound(_LIST8, _LIST32, len(parts), b"".join(parts)) if parts else b"\x45"


def mapping(pairs: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A map of encoded keys to encoded values."""
    parts = [part for pair in pairs for part in pair]
    return _compound(_MAP8, _MAP32, len(parts), b"".join(parts))


def strings(values: Iterable[str]) -> bytes:
    """An array of strings."""
    return _array_of(0xB1, [value.encode() for value in values])


def symbols(values: Iterable[str]) -> bytes:
    """An array of symbols."""
    return _array_of(0xB3, [value.encode("ascii") for value in values])


def _array_of(constructor: int, values: list[bytes]) -> bytes:
    elements = b"".join(_UINT32.pack(len(value)) + value for value in values)
    return _wide_compound(0xF0, len(values), constructor.to_bytes(1) + elements)


def described(code: int, value: bytes) -> bytes:
    """An encoded value under a numeric descriptor."""
    return b"\x00" + ulong(code) + value


def _compound(short: int, wide: int, count: int, body: bytes) -> bytes:
    if len(body) + 1 < _BYTE_LIMIT and count < _BYTE_LIMIT:
        return bytes((short, len(body) + 1, count)) + body
    return _wide_compound(wide, count, body)


def _wide_compound(constructor: int, count: int, body: bytes) -> bytes:
    return constructor.to_bytes(1) + _UINT32.pack(len(body) + 4) + _UINT32.pack(count) + body
