"""Blob storage of the local cloud: Microsoft's Azurite, from npm."""

import re
from pathlib import Path
from typing import Final

from local import prerequisites
from local.part import Part
from local.serving import LOOPBACK

ACCOUNT: Final = "devstoreaccount1"
KEY: Final = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The key that Azurite publishes for its one account: no secret, and no use elsewhere."""

LISTENS: Final = re.compile(rb"^Azurite Blob service successfully listens on (http://\S+)", re.MULTILINE)


def blob_part(*, port: int, data: Path, log: Path) -> Part:
    """Azurite's blob service, keeping its data in `data`; port 0 takes a free one.

    Node runs the script itself: there is no wrapper process between it and us.

    Raises:
        CannotStart: Node.js or Azurite is missing.
    """
    command: list[str | Path] = [prerequisites.node(), prerequisites.azurite()]
    command += ["--blobHost", LOOPBACK, "--blobPort", str(port), "--location", data]
    command += ["--skipApiVersionCheck", "--disableTelemetry", "--silent"]
    return Part("azurite", command, log=log, ready=LISTENS)


def connection_string(address: str) -> str:
    """What a storage client connects with; `address` is the blob service's `http://127.0.0.1:PORT`."""
    endpoint = f"{address}/{ACCOUNT}"
    return f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint={endpoint};"
