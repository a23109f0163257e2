"""The local recipient of data: it keeps what it is told, and answers as it is asked to."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from local.control import Refused, tell
from local.part import Part
from local.recipient import Manner, RecipientSink, kept_in

pytestmark = pytest.mark.wire


async def post(address: str, body: dict[str, Any]) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(address, json=body, allow_redirects=False) as answer,
    ):
        return answer.status, await answer.text()


async def test_every_notice_is_kept_and_acknowledged(tmp_path: Path) -> None:
    """As files too, in the order of their arrival."""
    async with RecipientSink(data=tmp_path / "notices") as sink:
        for number in range(3):
            assert await post(sink.address, {"number": number}) == (200, '{"acknowledged": true}')
        assert [one.content["number"] for one in sink.notices] == [0, 1, 2]
    assert kept_in(tmp_path / "notices") == [{"number": 0}, {"number": 1}, {"number": 2}]


@pytest.mark.parametrize(("manner", "status"), [("take", 202), ("refuse", 503), ("garbage", 200), ("redirect", 307)])
async def test_the_next_ones_are_answered_as_asked(manner: Manner, status: int) -> None:
    """And those behind them are acknowledged."""
    async with RecipientSink() as sink:
        sink.answer_next(manner, times=2)
        answers = [(await post(sink.address, {}))[0] for _ in range(3)]
        assert answers == [status, status, 200]
        assert [one.manner for one in sink.notices] == [manner, manner, "acknowledge"]


@pytest.mark.parametrize("manner", ["silence", "flood"])
async def test_it_ends_though_somebody_waits(manner: Manner) -> None:
    """An answer that never comes, or never ends, does not keep it."""
    async with RecipientSink() as sink:
        sink.answer_next(manner)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(post(sink.address, {}), 0.5)
        assert [one.manner for one in sink.notices] == [manner]


async def test_a_connection_that_ends_is_no_answer() -> None:
    """As a machine that is switched off."""
    async with RecipientSink() as sink:
        sink.answer_next("drop")
        with pytest.raises(aiohttp.ClientError):
            await post(sink.address, {})


async def test_a_process_takes_commands(tmp_path: Path) -> None:
    """An unknown manner is refused; a reset acknowledges everything again."""
    command = [sys.executable, "-m", "local", "recipient", "--port", "0", "--control-port", "0"]
    part = Part("recipient", command, log=tmp_path / "log")
    await part.start()
    try:
        state = await tell(part.control, "answer-next", manner="refuse", times=5)
        assert state == {"received": 0, "next": ["refuse"] * 5}
        assert (await post(part.address, {}))[0] == 503
        with pytest.raises(Refused, match="manner"):
            await tell(part.control, "answer-next", manner="shout")
        assert await tell(part.control, "reset") == {"received": 1, "next": []}
        assert (await post(part.address, {}))[0] == 200
    finally:
        await part.stop()
