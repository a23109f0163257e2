"""What every endpoint of the local cloud does alike: take a port, say when it is ready, end on a signal."""

import asyncio
import contextlib
import errno
import signal
import socket
import sys
from collections.abc import AsyncIterator
from typing import Final

LOOPBACK: Final = "127.0.0.1"
"""The only address that anything here listens on."""

EXIT_UNUSABLE: Final = 2
"""Exit code when a command cannot start: its arguments, a taken port, a missing tool."""


class CannotStart(Exception):
    """The command cannot start; the message says what to do."""


def listening_socket(port: int, *, name: str, option: str = "--port") -> socket.socket:
    """A bound loopback socket; `port` 0 takes any free one. `option` is what chooses another.

    Raises:
        CannotStart: the port is taken.
    """
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((LOOPBACK, port))
        sock.listen(1024)
    except OverflowError as error:
        sock.close()
        raise CannotStart(f"{name}: there is no port {port}. Choose one from 0 (any free one) to 65535.") from error
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE:
            raise CannotStart(
                f"{name}: port {port} is taken. End what listens there, or choose another with {option}."
            ) from error
        raise
    sock.setblocking(False)
    return sock


@contextlib.asynccontextmanager
async def stop_signal() -> AsyncIterator[asyncio.Event]:
    """An event that is set by SIGINT or SIGTERM while the block runs."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


async def serve(name: str, server: contextlib.AbstractAsyncContextManager[str]) -> int:
    """Enter `server` (it yields its address), print `ready NAME ADDRESS`, stay until a signal, return the exit code."""
    async with stop_signal() as stop:
        try:
            async with server as address:
                print(f"ready {name} {address}", flush=True)
                await stop.wait()
        except CannotStart as error:
            print(error, file=sys.stderr, flush=True)
            return EXIT_UNUSABLE
    return 0
