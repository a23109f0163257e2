"""`python -m local up`: the whole cloud, until Ctrl-C."""

import argparse
import asyncio
import contextlib
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path

from rich.console import Console
from rich.table import Table

from local import state
from local.cloud import ANY_PORTS, LocalCloud, Ports
from local.serving import EXIT_UNUSABLE, CannotStart, stop_signal

ROLES = {
    "azurite": "blob storage, checkpoints",
    "eventhubs": "Event Hubs, AMQP 1.0",
    "cosmos": "Cosmos DB",
    "identity": "sign-in, INSECURE",
    "mail": "mail, DELIVERS NOTHING",
    "recipient": "a recipient of data",
    "host": "Functions host",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    parser.description = (
        "Start Azurite, Event Hubs, Cosmos DB, sign-in, mail, a recipient of data and the Functions host on this "
        "machine, create what the app stands on, and stay up until Ctrl-C. Data is kept in the data directory and "
        "nowhere else."
    )
    add_cloud_arguments(parser)
    parser.add_argument("--no-host", action="store_true", help="leave the Functions host out, to start another one")


def add_cloud_arguments(parser: argparse.ArgumentParser) -> None:
    """The part of the command line that every command which starts a cloud has."""
    parser.add_argument("--data", type=Path, default=state.DEFAULT, help="directory that keeps everything (.local)")
    parser.add_argument("--fresh", action="store_true", help="wipe that directory first, keys included")
    parser.add_argument("--any-ports", action="store_true", help="take free ports instead of the usual ones")
    for name, port in Ports()._asdict().items():
        parser.add_argument(f"--{name}-port", type=int, metavar="PORT", help=f"where {name} listens ({port})")


def cloud_from(args: argparse.Namespace) -> LocalCloud:
    """The cloud that the command line describes."""
    usual = ANY_PORTS if args.any_ports else Ports()
    chosen = {name: getattr(args, f"{name}_port") for name in Ports._fields}
    return LocalCloud(
        data=args.data,
        ports=usual._replace(**{name: port for name, port in chosen.items() if port is not None}),
        fresh=args.fresh,
        with_host=not getattr(args, "no_host", False),
    )


def table(cloud: LocalCloud) -> Table:
    """What runs where; it fits into 80 columns."""
    shown = Table(box=None, pad_edge=False)
    for heading in ("part", "address", "pid", "is"):
        shown.add_column(heading, no_wrap=True)
    for name, part in cloud.parts.items():
        shown.add_row(name, part.address, str(part.pid), ROLES[name])
    return shown


async def until_stopped(work: Callable[[], Coroutine[object, object, int]]) -> int:
    """Run `work` until it returns an exit code or a signal ends it (code 0); both leave nothing behind."""
    async with stop_signal() as stop:
        working = asyncio.ensure_future(work())
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        working.cancel()  # does nothing to finished work
        try:
            return await working
        except asyncio.CancelledError:
            return 0
        except CannotStart as error:
            print(error, file=sys.stderr, flush=True)
            return EXIT_UNUSABLE


async def run(args: argparse.Namespace) -> int:
    """Start everything and stay until a signal, or until a part dies: then all end."""

    async def stay() -> int:
        console = Console(width=None if sys.stdout.isatty() else 160)
        begun = time.perf_counter()
        async with contextlib.AsyncExitStack() as started:
            with console.status("Starting the local cloud"):
                cloud = await started.enter_async_context(cloud_from(args))
            console.print(table(cloud))
            console.print(f"Logs and data are in {cloud.state.root}.", soft_wrap=True)
            console.print(f"Up in {time.perf_counter() - begun:.1f} s. Ctrl-C ends everything.")
            print(await cloud.failure(), file=sys.stderr, flush=True)
        return 1

    return await until_stopped(stay)
