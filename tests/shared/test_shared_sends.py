"""Requests share a send per partition: nobody is told that something was sent that was not, nobody waits for ever."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from azure.eventhub.aio import EventHubProducerClient

from local.eventhubs.namespace import HubDefinition
from local.eventhubs.server import EventHubsServer
from shared import hubs
from shared.errors import Problem
from shared.hubs import TELEMETRY_HUB, Hub, Hubs

pytestmark = pytest.mark.wire

NEVER_S = 3600.0
"""A hub so slow does not answer while a test runs."""


@pytest.fixture
async def server() -> AsyncIterator[EventHubsServer]:
    async with EventHubsServer([HubDefinition(TELEMETRY_HUB, 1)]) as running:
        yield running


@pytest.fixture
async def telemetry(server: EventHubsServer) -> AsyncIterator[Hub]:
    opened = Hubs.open(connection=server.connection_string, namespace=None, credential=None)
    await opened.telemetry.send(b"first", key="warm")  # the link is open
    yield opened.telemetry
    await opened.close()


def bodies(server: EventHubsServer) -> list[bytes]:
    return [event.body for event in server.events(TELEMETRY_HUB)][1:]


async def outcomes(*sends: asyncio.Task[None]) -> list[str | None]:
    """None for what was sent, else the code; failures that are one and the same object are told apart."""
    ends = await asyncio.gather(*sends, return_exceptions=True)
    failures = [end for end in ends if isinstance(end, BaseException)]
    assert len({id(failure) for failure in failures}) == len(failures)
    return [end.code if isinstance(end, Problem) else None if end is None else repr(end) for end in ends]


def sending(telemetry: Hub, *sent: bytes, key: str = "ownership") -> list[asyncio.Task[None]]:
    return [asyncio.create_task(telemetry.send(body, key=key)) for body in sent]


async def busy(server: EventHubsServer, telemetry: Hub, seconds: float = NEVER_S) -> asyncio.Task[None]:
    """A send that is on its way, for so long or until it is cut off."""
    server.faults.delay_sends(seconds, times=1)
    [first] = sending(telemetry, b"on its way")
    await on_its_way(server)
    return first


async def on_its_way(server: EventHubsServer) -> None:
    while not server.faults.counts["delay-sends"]:  # noqa: ASYNC110 - the endpoint tells counts, and no events
        await asyncio.sleep(0)


async def test_who_comes_together_shares_a_send(server: EventHubsServer, telemetry: Hub) -> None:
    """All of them, in the order in which they came."""
    server.faults.delay_sends(0.001)
    sent = [f"{number}".encode() for number in range(50)]
    assert await outcomes(*sending(telemetry, *sent)) == [None] * 50
    assert bodies(server) == sent
    assert server.faults.counts["delay-sends"] <= 2


async def test_a_key_has_one_partition_and_keeps_its_order() -> None:
    """Whatever the others do."""
    async with EventHubsServer([HubDefinition(TELEMETRY_HUB, 4)]) as server:
        opened = Hubs.open(connection=server.connection_string, namespace=None, credential=None)
        tasks = [
            task
            for number in range(10)
            for key in "abcdefgh"
            for task in sending(opened.telemetry, f"{key}{number}".encode(), key=key)
        ]
        assert set(await outcomes(*tasks)) == {None}
        await opened.close()
        stored = server.events(TELEMETRY_HUB)
    assert len({event.partition_id for event in stored}) > 1
    for key in "abcdefgh":
        own = [event for event in stored if event.body.startswith(key.encode())]
        assert [event.body.decode() for event in own] == [f"{key}{number}" for number in range(10)]
        assert len({event.partition_id for event in own}) == 1


async def test_those_who_come_first_ask_for_partitions_once(
    server: EventHubsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes a connection to ask: a new worker to which many come at once opens one, and not one for each."""
    asked: list[EventHubProducerClient] = []
    ask = EventHubProducerClient.get_partition_ids

    async def noted(producer: EventHubProducerClient) -> list[str]:
        asked.append(producer)
        return await ask(producer)

    monkeypatch.setattr(EventHubProducerClient, "get_partition_ids", noted)
    opened = Hubs.open(connection=server.connection_string, namespace=None, credential=None)
    sent = [f"{number}".encode() for number in range(50)]
    assert await outcomes(*sending(opened.telemetry, *sent)) == [None] * 50
    await opened.close()
    assert [event.body for event in server.events(TELEMETRY_HUB)] == sent
    assert len(asked) <= 2  # the client itself asks too, before its first send


async def test_a_refused_send_fails_for_everybody_in_it(server: EventHubsServer, telemetry: Hub) -> None:
    """Each of them may send again, and then it is taken."""
    server.faults.refuse_sends("amqp:not-allowed")
    assert await outcomes(*sending(telemetry, b"a", b"b", b"c")) == ["hub_unavailable"] * 3
    assert bodies(server) == []
    server.faults.reset()
    assert await outcomes(*sending(telemetry, b"a", b"b", b"c")) == [None] * 3
    assert bodies(server) == [b"a", b"b", b"c"]


async def test_an_event_too_large_for_any_send_fails_alone(server: EventHubsServer, telemetry: Hub) -> None:
    """Those before and behind it are sent."""
    large = b"x" * (2 << 20)
    assert await outcomes(*sending(telemetry, b"a", large, b"b")) == [None, "body_too_large", None]
    assert bodies(server) == [b"a", b"b"]


async def test_what_does_not_fit_into_one_send_goes_with_the_next(server: EventHubsServer, telemetry: Hub) -> None:
    """In order."""
    sent = [bytes([number]) * 400_000 for number in range(7)]
    assert await outcomes(*sending(telemetry, *sent)) == [None] * 7
    assert bodies(server) == sent


@pytest.mark.parametrize(("limit", "value"), [("WAITING_LIMIT", 2), ("WAITING_LIMIT_BYTES", 10)])
async def test_only_so_many_wait_for_a_slow_hub(
    server: EventHubsServer, telemetry: Hub, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    """Who comes then is told at once to come back; who waits is sent as soon as the hub answers."""
    monkeypatch.setattr(hubs, limit, value)
    first = await busy(server, telemetry, 0.1)
    waiting = sending(telemetry, b"waits", b"waits")
    await asyncio.sleep(0)
    with pytest.raises(Problem, match="hub_unavailable") as refused:
        await telemetry.send(b"too many", key="ownership")
    assert refused.value.retry_after_s is not None
    assert await outcomes(first, *waiting) == [None] * 3
    assert bodies(server) == [b"on its way", b"waits", b"waits"]


async def test_a_hub_that_does_not_answer_is_given_up(
    server: EventHubsServer, telemetry: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For those in the send and for those behind it; the next who come are sent."""
    monkeypatch.setattr(hubs, "SEND_TIMEOUT_S", 0.2)
    first = await busy(server, telemetry)
    server.faults.delay_sends(NEVER_S)
    assert await outcomes(first, *sending(telemetry, b"behind")) == ["hub_unavailable"] * 2
    monkeypatch.undo()
    server.faults.reset()
    assert await outcomes(*sending(telemetry, b"later")) == [None]


async def test_who_gives_up_while_waiting_is_not_sent(server: EventHubsServer, telemetry: Hub) -> None:
    """The others are."""
    first = await busy(server, telemetry, 0.1)
    kept, gone, also_kept = sending(telemetry, b"kept", b"gone", b"also kept")
    await asyncio.sleep(0)
    gone.cancel()
    assert await outcomes(first, kept, also_kept) == [None] * 3
    assert gone.cancelled()
    assert bodies(server) == [b"on its way", b"kept", b"also kept"]


async def test_who_waits_at_the_end_is_told(server: EventHubsServer) -> None:
    """Nothing is left without an answer when a worker ends."""
    opened = Hubs.open(connection=server.connection_string, namespace=None, credential=None)
    await opened.telemetry.send(b"first", key="warm")
    first = await busy(server, opened.telemetry)
    waiting = sending(opened.telemetry, b"waiting")
    await asyncio.sleep(0)
    await opened.close()
    assert await outcomes(first, *waiting) == ["hub_unavailable"] * 2
