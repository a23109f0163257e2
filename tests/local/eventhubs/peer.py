"""A bare AMQP peer, for what the SDK's clients never do."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from azure.eventhub._pyamqp.utils import generate_sas_token  # what the SDK signs with

from local.eventhubs import codec, messages
from local.eventhubs import performatives as wire
from local.eventhubs.performatives import Frame, TransferFrames
from local.eventhubs.server import EventHubsServer

RECEIVER, SENDER = True, False


class Peer:
    """One connection with one session."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def write(self, code: int, *fields: bytes) -> None:
        self.writer.write(wire.build_frame(0, code, *fields))

    async def header(self, header: bytes = wire.AMQP_HEADER) -> bytes:
        self.writer.write(header)
        return await self.reader.readexactly(8)

    async def frame(self) -> Frame:
        head = await self.reader.readexactly(8)
        rest = await self.reader.readexactly(int.from_bytes(head[:4]) - 8)
        return wire.parse_frame(head + rest) or await self.frame()

    async def next(self, code: int) -> Frame:
        """The next frame of this kind; others are passed over."""
        while (frame := await self.frame()).code != code:
            pass
        return frame

    async def begin(self, window: int = 1 << 30) -> None:
        assert await self.header() == wire.AMQP_HEADER
        self.write(wire.OPEN, codec.string("peer"))
        size = codec.uint(window)
        self.write(wire.BEGIN, codec.NULL, codec.uint(0), size, size)
        await self.next(wire.BEGIN)

    def attach(self, handle: int, role: bool, address: str, selector: str = "", capability: str = "") -> None:
        filters = [(codec.symbol("selector"), codec.described(0, codec.string(selector)))] if selector else []
        near = [codec.string(address), *[codec.NULL] * 6, codec.mapping(filters)]
        far = [codec.string("me")]
        source = codec.described(0x28, codec.sequence(near if role else far))
        target = codec.described(0x29, codec.sequence(far if role else near[:1]))
        mode = codec.ubyte(0)
        name, number = codec.string(f"{address}-{handle}-{role}"), codec.uint(handle)
        wanted = codec.symbol(capability) if capability else codec.NULL
        fields = [name, number, codec.boolean(role), mode, mode, source, target, *[codec.NULL] * 5, wanted]
        self.write(wire.ATTACH, *fields)

    def credit(self, handle: int, credit: int, *, drain: bool = False, window: int = 1 << 30) -> None:
        size, zero = codec.uint(window), codec.uint(0)
        link = [codec.uint(handle), zero, codec.uint(credit), codec.NULL, codec.boolean(drain)]
        self.write(wire.FLOW, zero, size, zero, size, *link)

    def transfer(self, handle: int, payload: bytes) -> None:
        self.writer.write(TransferFrames(0, handle, 65536).one(0, payload))

    async def authorize(self, server: EventHubsServer) -> None:
        self.attach(0, SENDER, "$cbs")
        self.attach(1, RECEIVER, "$cbs")
        self.credit(1, 10)
        token = generate_sas_token(f"{server.address}/", "RootManageSharedAccessKey", "SAS_KEY_VALUE")
        self.transfer(0, request({"operation": "put-token"}, codec.string(token)))
        reply = messages.read_sections((await self.next(wire.TRANSFER)).payload)
        assert reply[messages.APPLICATION_PROPERTIES]["status-code"] == 202


def request(arguments: dict[str, str], body: bytes = codec.NULL) -> bytes:
    pairs = [(codec.string(name), codec.string(value)) for name, value in arguments.items()]
    return (
        codec.described(messages.PROPERTIES, codec.sequence([codec.string("request")]))
        + codec.described(messages.APPLICATION_PROPERTIES, codec.mapping(pairs))
        + codec.described(messages.VALUE, body)
    )


def data_message(body: bytes) -> bytes:
    return codec.described(messages.DATA, codec.binary(body))


@contextlib.asynccontextmanager
async def connected(server: EventHubsServer) -> AsyncIterator[Peer]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        yield Peer(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
