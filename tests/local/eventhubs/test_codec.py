import contextlib
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from azure.eventhub._pyamqp._decode import _DECODE_BY_CONSTRUCTOR  # the SDK's own codec is the other side of the wire
from azure.eventhub._pyamqp._encode import encode_value
from hypothesis import given
from hypothesis import strategies as st

from local.eventhubs import codec
from local.eventhubs.errors import DecodeError

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**31), 2**31 - 1)
    | st.text(max_size=300)
    | st.binary(max_size=300)
    | st.uuids()
    | st.floats(allow_nan=False)
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=9), inner, max_size=6)
)


def sdk_encoded(value: Any) -> bytes:
    output = bytearray()
    encode_value(output, value)
    return bytes(output)


def sdk_decoded(data: bytes) -> Any:
    _, value = _DECODE_BY_CONSTRUCTOR[data[0]](memoryview(data)[1:])
    return value


@given(values)
def test_reads_what_the_sdk_writes(value: Any) -> None:
    """Any value that the SDK encodes is decoded to itself, and skipped to the same place."""
    data = sdk_encoded(value)
    assert codec.decode(data, 0) == (value, len(data))
    assert codec.end_of(data, 0) == len(data)


@pytest.mark.parametrize(
    ("encode", "value", "seen"),
    [
        (codec.boolean, True, True),
        (codec.ubyte, 255, 255),
        (codec.ushort, 65535, 65535),
        (codec.uint, 2**32 - 1, 2**32 - 1),
        (codec.ulong, 7, 7),
        (codec.ulong, 2**63, 2**63),
        (codec.integer, -5, -5),
        (codec.long, -(2**62), -(2**62)),
        (codec.timestamp, 1_700_000_000_000, 1_700_000_000_000),
        (codec.string, "é" * 300, ("é" * 300).encode()),
        (codec.symbol, "x-opt-offset", b"x-opt-offset"),
        (codec.binary, b"\0" * 256, b"\0" * 256),
        (codec.strings, ["0", "11"], [b"0", b"11"]),
        (codec.symbols, ["a"], [b"a"]),
    ],
)
def test_the_sdk_reads_what_we_write(encode: Callable[[Any], bytes], value: Any, seen: Any) -> None:
    """Every encoder writes what the SDK decodes; it shows text as bytes."""
    assert sdk_decoded(encode(value)) == seen


def test_compounds_reach_the_sdk() -> None:
    """Small, empty and large lists and maps arrive whole."""
    assert sdk_decoded(codec.sequence([])) == []
    assert sdk_decoded(codec.sequence([codec.uint(index) for index in range(300)])) == list(range(300))
    assert sdk_decoded(codec.mapping([(codec.symbol("k"), codec.string("v" * 300))])) == {b"k": b"v" * 300}


@given(st.binary(max_size=60))
def test_arbitrary_bytes_do_no_harm(data: bytes) -> None:
    """Whatever a peer sends is read or refused, in bounded time and memory."""
    for read in (codec.decode, codec.end_of, codec.element_spans):
        with contextlib.suppress(DecodeError, *codec.MALFORMED):
            read(data, 0)


@pytest.mark.parametrize(
    "data",
    [
        b"\xd0\x00\x00\x00\x04\xff\xff\xff\xff",  # a list of four billion
        b"\xf0\x00\x00\x00\x05\xff\xff\xff\xff\x41",  # an array of four billion times true
        b"\xb0\x00\x00\x01\x00short",
        b"\xc1\x03\x01\x43\x43",  # a map with a lonely key
        b"\x98" + uuid.UUID(int=0).bytes[:9],
        b"\x3f",
    ],
)
def test_forged_sizes_are_refused(data: bytes) -> None:
    """A size or a count that the frame cannot hold is an error, not an allocation."""
    with pytest.raises(DecodeError):
        codec.decode(data, 0)
