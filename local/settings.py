"""App settings for this machine: `local.settings.sample.json` names them, this fills in addresses and keys."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any, Final, NamedTuple

from local import azurite, keys, state
from local.prerequisites import ROOT
from local.serving import EXIT_UNUSABLE, LOOPBACK

SAMPLE: Final = ROOT / "local.settings.sample.json"
VALUE_SETS: Final = {"local-cloud": "Values", "emulators": "_valuesForEmulators"}
"""What can run on this machine, and where the sample has its values. The set for Azure is only to be read."""

RECIPIENT: Final = "sales_and_technicians"
"""The recipient of data that the local cloud has."""


class Addresses(NamedTuple):
    """Where the parts that the app talks to listen, as each of them announces it."""

    blob: str = f"http://{LOOPBACK}:10000"
    eventhubs: str = f"{LOOPBACK}:5672"
    cosmos: str = f"http://{LOOPBACK}:8081"
    identity: str = f"http://{LOOPBACK}:8090"
    mail: str = f"smtp://{LOOPBACK}:1025"
    recipient: str = f"http://{LOOPBACK}:8091/notices"

    def settings(self) -> dict[str, str]:
        """The app settings that say where something is."""
        blobs = azurite.connection_string(self.blob)
        return {
            "AzureWebJobsStorage": blobs,
            "BLUE_BLOB_CONNECTION": blobs,
            "EventHubs": event_hubs_connection(self.eventhubs),
            "BLUE_COSMOS_ENDPOINT": self.cosmos,
            "BLUE_SIGN_IN_ISSUER": self.identity,
            "BLUE_SMTP_URL": self.mail,
            "BLUE_RECIPIENTS": json.dumps({RECIPIENT: self.recipient}),
        }


def event_hubs_connection(address: str) -> str:
    """The connection string of a local hub namespace at `HOST:PORT`, with or without a scheme before it."""
    endpoint = f"sb://{address.rpartition('//')[2].rstrip('/')}"
    return (
        f"Endpoint={endpoint};SharedAccessKeyName=RootManageSharedAccessKey;"
        "SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;"
    )


def values(value_set: str = "local-cloud", *, sample: Path = SAMPLE) -> dict[str, str]:
    """One of the sample's value sets."""
    found: dict[str, str] = json.loads(sample.read_text())[VALUE_SETS[value_set]]
    return found


def app_settings(addresses: Addresses, secrets: dict[str, str]) -> dict[str, str]:
    """Every setting of the app in a local cloud."""
    return values() | addresses.settings() | secrets


def local_settings(value_set: str, secrets: dict[str, str]) -> dict[str, Any]:
    """The content of a `local.settings.json`."""
    sample = json.loads(SAMPLE.read_text())
    return {
        "IsEncrypted": False,
        "Values": values(value_set) | secrets,
        "Host": sample["Host"],
    }


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    parser.description = (
        "Write local.settings.json for `func start`, with this machine's own keys: those of the local cloud, so that "
        "either can read what the other stored. `python -m local up` does not need the file."
    )
    parser.add_argument(
        "--set",
        choices=sorted(VALUE_SETS),
        default="local-cloud",
        help="what the app shall talk to: this local cloud on its default ports (the default), "
        "or Microsoft's emulators, started with local/compose.yaml",
    )
    parser.add_argument("--output", type=Path, default=ROOT / "local.settings.json", help="the file (%(default)s)")
    parser.add_argument("--data", type=Path, default=state.DEFAULT, help="the local cloud's directory, for its keys")
    parser.add_argument("--force", action="store_true", help="replace the file")


async def run(args: argparse.Namespace) -> int:
    """Write the file, unless there is one."""
    if args.output.exists() and not args.force:
        print(f"{args.output} exists. What is in it would be lost: say --force if that is meant.", file=sys.stderr)
        return EXIT_UNUSABLE
    keys.write_secret(args.output, local_settings(args.set, keys.kept(state.State(args.data).keys)))
    print(f"Wrote {args.output}. Only you can read its keys; they are for no other machine.")
    return 0
