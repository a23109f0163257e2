import asyncio

import pytest

from local.eventhubs import codec, messages
from local.eventhubs import performatives as wire
from local.eventhubs.log import Retention
from local.eventhubs.namespace import HubDefinition
from local.eventhubs.performatives import Frame
from local.eventhubs.server import EventHubsServer
from tests.local.eventhubs.clients import HUB, put, readers
from tests.local.eventhubs.peer import RECEIVER, SENDER, Peer, connected, data_message, request

pytestmark = pytest.mark.wire

SOURCE = f"{HUB}/ConsumerGroups/$Default/Partitions/0"


def condition(frame: Frame) -> str:
    """The error condition of a detach, a close or a rejection."""
    error = frame.fields[{wire.DETACH: 2, wire.CLOSE: 0}[frame.code]]
    return str(error.value[0])


async def closing(peer: Peer) -> str:
    """Why the endpoint closes the connection; that it then does."""
    reason = condition(await peer.next(wire.CLOSE))
    assert await peer.reader.read() == b""
    return reason


async def test_another_protocol_is_answered_and_closed(server: EventHubsServer) -> None:
    """Whoever speaks something else is told what is spoken here."""
    async with connected(server) as peer:
        assert await peer.header(b"GET / HT") == wire.AMQP_HEADER
        assert await peer.reader.read() == b""


async def test_an_unknown_sasl_mechanism_is_refused(server: EventHubsServer) -> None:
    """Names and passwords are not checked here, so they are not accepted."""
    async with connected(server) as peer:
        assert await peer.header(wire.SASL_HEADER) == wire.SASL_HEADER
        assert (await peer.next(wire.SASL_MECHANISMS)).fields[0] == ["ANONYMOUS", "MSSBCBS"]
        body = codec.described(wire.SASL_INIT, codec.sequence([codec.symbol("PLAIN")]))
        peer.writer.write((8 + len(body)).to_bytes(4) + b"\x02\x01\x00\x00" + body)
        assert (await peer.next(wire.SASL_OUTCOME)).fields[0] == 1
        assert await peer.reader.read() == b""


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x00\x02\x00\x00\x02\x00\x00\x00", "amqp:connection:framing-error"),  # a frame of 128 kB
        (b"\x00\x00\x00\x04\x02\x00\x00\x00", "amqp:connection:framing-error"),  # shorter than its own head
        (b"\x00\x00\x00\x0c\x02\x00\x00\x00nope", "amqp:decode-error"),
        (b"\x00\x00\x00\x0c\x02\x00\x00\x00\x00\x53\x10\x41", "amqp:decode-error"),  # an open of true
        (wire.build_frame(0, wire.BEGIN, codec.NULL, codec.uint(0), codec.uint(9)), "amqp:not-allowed"),
        (
            wire.build_frame(0, wire.OPEN, codec.string("peer"), codec.NULL, codec.uint(9)),
            "amqp:connection:framing-error",
        ),
        (wire.build_frame(0, wire.OPEN, codec.uint(5)), "amqp:decode-error"),
    ],
)
async def test_bad_frames_close_the_connection(server: EventHubsServer, data: bytes, reason: str) -> None:
    """What breaks the protocol ends the connection with the reason; the endpoint goes on."""
    async with connected(server) as peer:
        await peer.header()
        peer.writer.write(data)
        assert await closing(peer) == reason
    async with connected(server) as peer:
        assert await peer.header() == wire.AMQP_HEADER


async def test_without_a_token_nothing_opens(server: EventHubsServer) -> None:
    """A link to a hub, and a question about it, need a token on this connection first."""
    async with connected(server) as peer:
        await peer.begin()
        for handle, role, address in ((5, RECEIVER, SOURCE), (6, SENDER, HUB)):
            peer.attach(handle, role, address)
            assert condition(await peer.next(wire.DETACH)) == "amqp:unauthorized-access"
        peer.attach(0, SENDER, "$management")
        peer.attach(1, RECEIVER, "$management")
        peer.credit(1, 1)
        peer.transfer(0, request({"operation": "READ", "type": "com.microsoft:eventhub", "name": HUB}))
        reply = messages.read_sections((await peer.next(wire.TRANSFER)).payload)
        assert reply[messages.APPLICATION_PROPERTIES]["status-code"] == 401


async def test_unknown_requests_are_named(server: EventHubsServer) -> None:
    """A management operation that does not exist here is refused by its name."""
    async with connected(server) as peer:
        await peer.begin()
        await peer.authorize(server)
        peer.attach(2, SENDER, "$management")
        peer.attach(3, RECEIVER, "$management")
        peer.credit(3, 1)
        peer.transfer(2, request({"operation": "DELETE", "type": "com.microsoft:eventhub", "name": HUB}))
        answer = messages.read_sections((await peer.next(wire.TRANSFER)).payload)[messages.APPLICATION_PROPERTIES]
        assert answer["status-code"] == 501
        assert "'DELETE'" in answer["status-description"]


async def test_credit_is_the_limit(server: EventHubsServer) -> None:
    """A reader gets as many events as it gave credit for, and a drain gives the unused credit back."""
    put(server, *(b"%d" % number for number in range(5)))
    async with connected(server) as peer:
        await peer.begin()
        await peer.authorize(server)
        peer.attach(2, RECEIVER, SOURCE)
        peer.credit(2, 2)
        got = [messages.read_stored("0", (await peer.next(wire.TRANSFER)).payload).body for _ in range(2)]
        peer.credit(2, 100, drain=True)
        got += [messages.read_stored("0", (await peer.next(wire.TRANSFER)).payload).body for _ in range(3)]
        flow = wire.parse_flow(await peer.next(wire.FLOW))
    assert got == [b"0", b"1", b"2", b"3", b"4"]
    assert (flow.delivery_count, flow.link_credit) == (100, 0)


async def test_the_session_window_is_the_limit(server: EventHubsServer) -> None:
    """However much credit a link has, no more frames are sent than the peer's session takes."""
    put(server, *(b"%d" % number for number in range(5)))
    async with connected(server) as peer:
        await peer.begin(window=3)  # one frame of it takes the answer of $cbs
        await peer.authorize(server)
        peer.attach(2, RECEIVER, SOURCE)
        peer.credit(2, 100, window=3)
        for _ in range(2):
            await peer.next(wire.TRANSFER)
        peer.write(wire.END)
        assert (await peer.frame()).code == wire.END


async def test_a_peer_that_does_not_read_costs_little(server: EventHubsServer) -> None:
    """A reader with endless credit that never reads is sent a few megabytes at most; when it reads it gets the rest."""
    put(server, *(b"x" * 500_000 for _ in range(60)))
    async with connected(server) as peer:
        await peer.begin()
        await peer.authorize(server)
        peer.attach(2, RECEIVER, SOURCE)
        peer.credit(2, 1000)
        await readers(server, 1)
        [connection] = server._connections
        while not connection.blocked:  # noqa: ASYNC110 - nothing announces it
            await asyncio.sleep(0.01)
        assert connection._transport.get_write_buffer_size() < 3 << 20
        received = 0
        while received < 60:
            received += not wire.parse_transfer(await peer.next(wire.TRANSFER)).more


async def test_a_slow_reader_goes_on_with_what_is_left() -> None:
    """A reader that retention has overtaken continues with the oldest event that is kept."""
    async with (
        EventHubsServer([HubDefinition(HUB, 1)], retention=Retention(2000, 3_600_000)) as server,
        connected(server) as peer,
    ):
        await peer.begin()
        await peer.authorize(server)
        peer.attach(2, RECEIVER, SOURCE)
        await peer.next(wire.ATTACH)
        put(server, *(b"%d" % number for number in range(100)))
        peer.credit(2, 1)
        event = messages.read_stored("0", (await peer.next(wire.TRANSFER)).payload)
    assert event.sequence_number == server.events(HUB)[0].sequence_number > 0


async def test_a_delivery_in_many_frames(server: EventHubsServer) -> None:
    """A delivery comes together from its frames; one that grows beyond the limit is dropped while it comes."""
    async with connected(server) as peer:
        await peer.begin()
        await peer.authorize(server)
        peer.attach(2, SENDER, f"{HUB}/Partitions/1")
        await peer.next(wire.ATTACH)
        frames = wire.TransferFrames(0, 2, 65536)
        for number, size in enumerate((300_000, 3_000_000, 10)):
            for frame in frames.several(number, data_message(b"x" * size)):
                peer.writer.write(frame)
            await peer.writer.drain()
        peer.write(wire.END)
        await peer.next(wire.END)
    assert [len(event.body) for event in server.events(HUB)] == [300_000, 10]


async def test_a_peer_that_wants_to_hear_something(server: EventHubsServer) -> None:
    """A connection with an idle time-out gets empty frames in time."""
    async with connected(server) as peer:
        await peer.header()
        limits = codec.uint(65536), codec.ushort(9), codec.uint(200)
        peer.write(wire.OPEN, codec.string("peer"), codec.NULL, *limits)
        size = int.from_bytes(await peer.reader.readexactly(4))
        await peer.reader.readexactly(size - 4)
        for _ in range(2):
            assert await peer.reader.readexactly(8) == wire.EMPTY_FRAME


async def test_a_time_to_come_is_waited_for() -> None:
    """A reader that starts at a later time gets nothing that came before it."""
    now = 1_700_000_000_000
    selector = f"amqp.annotation.x-opt-enqueued-time > '{now + 10_000}'"
    async with (
        EventHubsServer([HubDefinition(HUB, 1)], clock=lambda: now) as server,
        connected(server) as peer,
    ):
        await peer.begin()
        await peer.authorize(server)
        peer.attach(2, RECEIVER, SOURCE, selector)
        peer.credit(2, 10)
        await readers(server, 1)
        put(server, b"early")
        now += 20_000
        put(server, b"late")
        assert messages.read_stored("0", (await peer.next(wire.TRANSFER)).payload).body == b"late"


async def test_what_is_not_supported_is_named(server: EventHubsServer) -> None:
    """A filter that is no start position, and a promise to drop duplicates, are refused when the link opens."""
    async with connected(server) as peer:
        await peer.begin()
        await peer.authorize(server)
        peer.attach(2, RECEIVER, SOURCE, "colour = 'red'")
        filtered = await peer.next(wire.DETACH)
        peer.attach(3, SENDER, HUB, capability="com.microsoft:idempotent-producer")
        idempotent = await peer.next(wire.DETACH)
    assert condition(filtered) == "com.microsoft:argument-error"
    assert "colour" in filtered.fields[2].value[1]
    assert condition(idempotent) == "amqp:not-implemented"


async def test_the_end_of_the_endpoint_is_told(server: EventHubsServer) -> None:
    """When the endpoint stops its peers are told why, and one that does not read cannot hold it up."""
    put(server, *(b"x" * 500_000 for _ in range(60)))
    async with connected(server) as reading, connected(server) as deaf:
        await reading.begin()
        await deaf.begin()
        await deaf.authorize(server)
        deaf.attach(2, RECEIVER, SOURCE)
        deaf.credit(2, 1000)
        while not any(connection.blocked for connection in server._connections):  # noqa: ASYNC110 - nothing announces it
            await asyncio.sleep(0.01)
        await server.stop()
        assert await closing(reading) == "amqp:connection:forced"
