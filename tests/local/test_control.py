from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
import pytest

from local.control import Refused, commands, control, tell
from local.serving import CannotStart

pytestmark = pytest.mark.wire


class Endpoint:
    """Something that can be told to fail."""

    def __init__(self) -> None:
        self.fails: list[tuple[int, str | None]] = []

    def fail_sends(self, times: int, *, hub: str | None = None) -> None:
        if times < 1:
            raise ValueError("times must be greater than 0")
        self.fails.append((times, hub))

    def state(self) -> Mapping[str, Any]:
        return {"fails": self.fails}


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()


@pytest.fixture
async def address(endpoint: Endpoint) -> AsyncIterator[str]:
    async with control(0, commands(endpoint.fail_sends), endpoint.state, name="test") as address:
        yield address


async def test_a_command_is_done_and_answered_with_the_state(endpoint: Endpoint, address: str) -> None:
    """Arguments arrive as they are meant."""
    assert await tell(address, "fail-sends", times=3, hub="jobs") == {"fails": [[3, "jobs"]]}
    assert endpoint.fails == [(3, "jobs")]


async def test_the_commands_are_listed_with_their_arguments(address: str) -> None:
    """So that nobody has to look them up."""
    async with aiohttp.ClientSession() as session, session.get(address) as answer:
        assert await answer.json() == {
            "commands": {"fail-sends": "(times: int, *, hub: str | None = None) -> None"},
            "state": {"fails": []},
        }


@pytest.mark.parametrize(
    ("command", "arguments", "reason"),
    [
        ("fail", {}, "no command 'fail'. There are: fail-sends"),
        ("fail-sends", {}, "times: Missing required argument"),
        ("fail-sends", {"times": "3"}, "times: Input should be a valid integer"),
        ("fail-sends", {"times": 3, "hubs": "x"}, "hubs: Unexpected keyword argument"),
        ("fail-sends", {"times": 0}, "times must be greater than 0"),
    ],
)
async def test_what_cannot_be_done_is_refused_and_named(
    endpoint: Endpoint, address: str, command: str, arguments: dict[str, Any], reason: str
) -> None:
    """A misspelt argument is never taken for none."""
    with pytest.raises(Refused, match=reason):
        await tell(address, command, **arguments)
    assert not endpoint.fails


@pytest.mark.parametrize("body", ["[]", "{"])
async def test_a_body_that_is_no_object_is_refused(endpoint: Endpoint, address: str, body: str) -> None:
    """Rather than passed over."""
    async with aiohttp.ClientSession() as session, session.post(f"{address}/fail-sends", data=body) as answer:
        assert answer.status == 400
    assert not endpoint.fails


async def test_a_taken_control_port_says_what_to_do(address: str) -> None:
    """It names the option of the control port, not that of the endpoint."""
    with pytest.raises(CannotStart, match=r"taken.*--control-port"):
        await control(int(address.rpartition(":")[2]), {}, dict, name="test").__aenter__()
