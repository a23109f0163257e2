"""Commands for operators: `python -m shared COMMAND`, with the settings of the app in the environment."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from shared.services import Services, open_services
from shared.settings import SettingsUnusable


@dataclass(frozen=True, slots=True)
class Command:
    """One command: what it is for, its arguments, and what it does; it returns the exit code."""

    about: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace, Services], Awaitable[int]]
    replaying: bool = False
    """Whether it may work on a restored database."""


def _verify_ledger_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--subject", help="only the chain of this subject; checkpoints are verified all the same")


async def _verify_ledger(args: argparse.Namespace, services: Services) -> int:
    """Write a line per finding: subject, number, what."""
    from shared.ledger.verification import verify  # noqa: PLC0415 - loaded where used

    findings = 0
    async for finding in verify(
        ledger=services.database["ledger"], blobs=services.blobs, keys=services.export_keys, subject=args.subject
    ):
        findings += 1
        sys.stdout.write(f"{finding.subject} {finding.seq}: {finding.what}\n")
    if not findings:
        sys.stdout.write("The ledger is as it was written.\n")
    return 1 if findings else 0


def no_arguments(_parser: argparse.ArgumentParser) -> None:
    """Most commands take none."""
    return


async def _re_date(_args: argparse.Namespace, services: Services) -> int:
    from shared.retention import re_date  # noqa: PLC0415 - loaded where used

    async for done in re_date(services.database, now=services.clock()):
        sys.stdout.write(
            f"{done.container}/{done.record}: {done.right} right, {done.redated} dated anew, {done.deleted} deleted, "
            f"{done.changed_meanwhile} changed meanwhile\n"
        )
        sys.stdout.flush()
    return 0


COMMANDS: Final[dict[str, Command]] = {
    "re-date": Command(
        "after a change of a retention in the data map: bring what is stored already to the new period",
        no_arguments,
        _re_date,
    ),
    "verify-ledger": Command(
        "find every entry or checkpoint that was altered, removed, reordered or cut off; 1 when there is one",
        _verify_ledger_arguments,
        _verify_ledger,
        replaying=True,  # it only reads, and shows what a restore has lost
    ),
}


async def _run(command: Command, args: argparse.Namespace) -> int:
    services = await open_services(replaying=command.replaying)
    try:
        return await command.run(args, services)
    finally:
        await services.close()


def main(
    argv: list[str] | None = None,
    *,
    known: Mapping[str, Command] = COMMANDS,
    prog: str = "python -m shared",
    about: str | None = __doc__,
) -> int:
    """Run the command that the command line names."""
    parser = argparse.ArgumentParser(prog=prog, description=about)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in known.items():
        command.arguments(commands.add_parser(name, help=command.about, description=command.about))
    args = parser.parse_args(argv)
    try:
        return asyncio.run(_run(known[args.command], args))
    except SettingsUnusable as error:
        sys.stderr.write(f"{error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
