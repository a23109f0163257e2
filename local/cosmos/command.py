"""`python -m local cosmos`."""

import argparse
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

from local.cosmos import controls
from local.cosmos.server import EMULATOR_KEY, CosmosServer
from local.serving import serve


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = "Cosmos DB endpoint for the official azure-cosmos clients, on 127.0.0.1."
    parser.epilog = (
        f"Connect with CosmosClient('http://127.0.0.1:PORT/', KEY); KEY is the emulator's well-known key:\n"
        f"  {EMULATOR_KEY}\n"
        "To be asked without a key, for tests (JSON):\n"
        f"  requests and modelled request units   GET {controls.USAGE}; DELETE resets them\n"
        f"  faults for the requests that match    POST {controls.FAULTS}; GET counts, DELETE ends them\n"
        f"  a clock that can be put forward       POST {controls.CLOCK}\n"
        f"  everything to a file and back         POST {controls.SNAPSHOT}, {controls.RESTORE}\n"
        "It refuses what it does not support, with status 400 and the name of the construct."
    )
    parser.add_argument("--port", type=int, default=8081, help="port to listen on; 0 takes a free one (default: 8081)")
    parser.add_argument(
        "--data",
        type=Path,
        metavar="FILE",
        help="keep the data in this SQLite file, made if missing (default: the data ends with the server)",
    )
    parser.add_argument(
        "--snapshot",
        type=Path,
        metavar="FILE",
        help="begin with the content of this snapshot; what the data file had is lost",
    )
    parser.add_argument(
        "--throttle",
        action="store_true",
        help="answer 429 when a container exceeds the RU/s it was created with (offer_throughput), by modelled charges",
    )

    parser.add_argument(
        "--tls",
        type=Path,
        metavar="DIR",
        help="serve HTTPS with a certificate for localhost kept in this directory, made when missing; clients get its "
        "ca.pem as connection_verify (default: plain HTTP)",
    )
    parser.add_argument(
        "--accept-token",
        dest="accepted_tokens",
        action="append",
        metavar="TOKEN",
        help="accept this text as the token of an identity provider, for clients with a credential of azure-identity, "
        "which need --tls; may be given several times (default: the account's key only)",
    )


async def run(args: argparse.Namespace) -> int:
    """Serve until a signal."""
    return await serve("cosmos", _serving(args))


@contextlib.asynccontextmanager
async def _serving(args: argparse.Namespace) -> AsyncIterator[str]:
    async with CosmosServer(
        args.port,
        args.data,
        snapshot=args.snapshot,
        throttle=args.throttle,
        tls=_tls(args.tls),
        accepted_tokens=args.accepted_tokens or (),
    ) as server:
        yield server.endpoint


def _tls(directory: Path | None) -> ssl.SSLContext | None:
    if directory is None:
        return None
    from local.tls import server_context  # noqa: PLC0415  it loads cryptography

    return server_context(directory)
