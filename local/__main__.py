"""The whole cloud on one machine: `python -m local COMMAND`."""

import argparse
import asyncio
import importlib
import sys
from typing import Final, NamedTuple

from local.prerequisites import check_python
from local.serving import EXIT_UNUSABLE, CannotStart


class Command(NamedTuple):
    """One subcommand: its module has `add_arguments(parser)` and `async def run(args) -> int`."""

    module: str
    summary: str


COMMANDS: Final = {
    "up": Command("local.up", "start everything, and end everything with Ctrl-C"),
    "run": Command("local.walkthrough", "start everything and do the main job: register, ingest, export"),
    "host": Command("local.host.command", "Azure Functions host around Microsoft's Python worker library"),
    "eventhubs": Command("local.eventhubs.command", "Event Hubs endpoint (AMQP 1.0) for the azure-eventhub clients"),
    "cosmos": Command("local.cosmos.command", "Cosmos DB endpoint for the azure-cosmos clients"),
    "identity": Command("local.identity", "insecure OpenID provider for development"),
    "mail": Command("local.mail", "mail server that keeps every mail and delivers none"),
    "recipient": Command("local.recipient", "recipient of data that acknowledges every notice and keeps it"),
    "settings": Command("local.settings", "write local.settings.json, with keys made for this machine"),
    "fleet": Command("local.fleet", "monitors: one reference monitor, or many simulated ones"),
}


def main(argv: list[str] | None = None) -> int:
    """Parse the command line, run one command, return its exit code."""
    try:
        check_python()
        return _dispatch(sys.argv[1:] if argv is None else argv)
    except CannotStart as error:
        print(error, file=sys.stderr)
        return EXIT_UNUSABLE


def _dispatch(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        sub = commands.add_parser(name, help=command.summary, description=command.summary)
        if arguments[:1] == [name]:  # only the chosen command's module is loaded
            importlib.import_module(command.module).add_arguments(sub)
    args = parser.parse_args(arguments)
    module = importlib.import_module(COMMANDS[args.command].module)
    try:
        return int(asyncio.run(module.run(args)))
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
