"""`python -m local eventhubs`: the endpoint on the command line."""

import argparse
import contextlib
import re
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from local.eventhubs.log import Retention
from local.eventhubs.namespace import DEFAULT_GROUP, HUB_NAME, MAX_PARTITIONS, HubDefinition
from local.eventhubs.server import EventHubsServer
from local.serving import serve

_NUMBER: Final = re.compile(r"\d+(\.\d+)?")
_DEFAULT_HUB: Final = HubDefinition("telemetry", 4)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("--port", type=int, default=5672, help="port on 127.0.0.1; 0 takes a free one (default: 5672)")
    parser.add_argument(
        "--hub",
        dest="hubs",
        action="append",
        type=hub_definition,
        metavar="NAME[:PARTITIONS[:GROUP,...]]",
        help="a hub to serve, may be given several times; $Default is a consumer group of each (default: telemetry:4)",
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="keep events in this directory over restarts (default: in memory only; delete the consumers' checkpoints "
        "with every restart then, because positions beyond the log are refused)",
    )
    parser.add_argument(
        "--retention-mb",
        type=_positive,
        default=64,
        metavar="N",
        help="megabytes that each partition keeps at most, in memory too (default: 64)",
    )
    parser.add_argument(
        "--retention-hours", type=_positive, default=24, metavar="H", help="hours that events are kept (default: 24)"
    )
    parser.add_argument(
        "--control-port",
        type=int,
        metavar="P",
        help="take commands (faults on demand, the clock) as HTTP on this port, 0 for a free one; the ready line names "
        "it, GET / lists them (default: off)",
    )
    parser.add_argument(
        "--tls",
        type=Path,
        metavar="DIR",
        help="serve AMQPS with a certificate for localhost kept in this directory, made when missing; clients get its "
        "ca.pem as connection_verify (default: plain AMQP)",
    )
    parser.add_argument(
        "--accept-token",
        dest="accepted_tokens",
        action="append",
        metavar="TOKEN",
        help="accept this text as the token of an identity provider, for clients with a credential of azure-identity; "
        "may be given several times (default: shared access signatures only)",
    )


def _positive(text: str) -> float:
    if not _NUMBER.fullmatch(text) or not float(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number greater than 0")
    return float(text)


def hub_definition(text: str) -> HubDefinition:
    """`jobs:2:$Default,other` as a definition; a name alone has four partitions."""
    name, _, rest = text.partition(":")
    partitions, _, groups = rest.partition(":")
    if not HUB_NAME.fullmatch(name):
        raise argparse.ArgumentTypeError(f"{text!r}: a hub's name is made of letters, digits, '.', '-' and '_'")
    if partitions and not (partitions.isdecimal() and 1 <= int(partitions) <= MAX_PARTITIONS):
        raise argparse.ArgumentTypeError(f"{text!r}: partitions must be a number from 1 to {MAX_PARTITIONS}")
    names = tuple(group for group in groups.split(",") if group)
    return HubDefinition(name, int(partitions or _DEFAULT_HUB.partitions), names or (DEFAULT_GROUP,))


async def run(args: argparse.Namespace) -> int:
    """Serve until a signal."""
    return await serve("eventhubs", _serving(args))


@contextlib.asynccontextmanager
async def _serving(args: argparse.Namespace) -> AsyncIterator[str]:
    """A running endpoint; yields what its ready line says."""
    async with _server(args) as server:
        if args.control_port is None:
            yield server.address
            return
        from local.control import commands, control  # noqa: PLC0415 - it loads an HTTP server

        async with control(args.control_port, commands(*server.commands), server.state, name="eventhubs") as address:
            yield f"{server.address} control {address}"


def _server(args: argparse.Namespace) -> EventHubsServer:
    return EventHubsServer(
        args.hubs or [_DEFAULT_HUB],
        args.port,
        args.data,
        retention=Retention(int(args.retention_mb * (1 << 20)), int(args.retention_hours * 3_600_000)),
        tls=_tls(args.tls),
        accepted_tokens=args.accepted_tokens or (),
    )


def _tls(directory: Path | None) -> ssl.SSLContext | None:
    if directory is None:
        return None
    from local.tls import server_context  # noqa: PLC0415 - it loads cryptography

    return server_context(directory)
