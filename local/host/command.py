"""`python -m local host`: run a function app as Core Tools would."""

import argparse
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from local import serving
from local.host import logs
from local.host.hostjson import read_host_json
from local.host.manifest import HttpTrigger
from local.host.server import DEFAULT_GRACE, FunctionsHost, app_path
from local.host.settings import DEFAULT_PORT, read_local_settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = (
        "Application settings come from local.settings.json (Values) of the app; a real environment variable wins. "
        "Event Hubs triggers keep checkpoints in the storage account of AzureWebJobsStorage. "
        "A timer is run by hand with: curl -X POST http://127.0.0.1:7071/admin/functions/NAME"
    )
    parser.add_argument("--app", type=Path, default=Path(), metavar="DIR", help="the function app (default: here)")
    parser.add_argument(
        "--port",
        type=int,
        metavar="PORT",
        help=f"port to listen on, 0 for any free one (default: Host.LocalHttpPort, else {DEFAULT_PORT})",
    )
    parser.add_argument(
        "--no-triggers", action="store_true", help="serve HTTP only: no Event Hubs listeners, no timers"
    )
    parser.add_argument(
        "--grace",
        type=float,
        default=DEFAULT_GRACE,
        metavar="SECONDS",
        help="time that running functions get to end at a stop (default: %(default)s)",
    )


async def run(args: argparse.Namespace) -> int:
    """Run until a signal; 2 if the app cannot be started."""
    host: FunctionsHost | None = None

    @contextlib.asynccontextmanager
    async def server() -> AsyncIterator[str]:
        nonlocal host
        port = read_local_settings(app_path(args.app)).port if args.port is None else args.port
        host = FunctionsHost(args.app, port=port, triggers=not args.no_triggers, grace=args.grace)
        logs.configure(read_host_json(app_path(args.app)).logging.log_level, host.running)
        async with host:
            _list_functions(host)
            yield host.address

    code = await serving.serve("host", server())
    if host is not None and host.has_stuck_threads:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)  # the interpreter would wait for the stuck thread for ever
    return code


def _list_functions(host: FunctionsHost) -> None:
    """Print what Core Tools prints at a start."""
    prefix = host.host_json.extensions.http.route_prefix.strip("/")
    print("\nFunctions:\n")
    for function in sorted(host.functions, key=lambda function: function.name):
        if isinstance(function.trigger, HttpTrigger):
            path = "/".join(part for part in (prefix, function.trigger.route.strip("/")) if part)
            methods = f"[{','.join(function.methods)}] " if function.methods else ""
            print(f"\t{function.name}: {methods}{host.address}/{path}\n")
        else:
            print(f"\t{function.name}: {function.trigger_type}\n")
