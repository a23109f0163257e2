"""The controls of an endpoint that runs in another process."""

from pathlib import Path
from typing import Any

import aiohttp

from local.cosmos import controls
from local.cosmos.faults import Fault


class Refused(Exception):
    """The endpoint refuses; the message says why."""


class RemoteCosmos:
    """What can be asked of the endpoint at an address, as `CosmosServer` offers it in its own process."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint.rstrip("/")

    async def inject(self, fault: Fault) -> None:
        """Put a fault in force."""
        await self._ask("POST", controls.FAULTS, fault.model_dump(by_alias=True, exclude_defaults=True))

    async def faults(self) -> list[dict[str, Any]]:
        """All faults since the reset, each with `met`, the number of requests that met it, and `inForce`."""
        found: list[dict[str, Any]] = (await self._ask("GET", controls.FAULTS))["faults"]
        return found

    async def reset_faults(self) -> None:
        """End and forget all faults."""
        await self._ask("DELETE", controls.FAULTS)

    async def forward(self, seconds: float) -> None:
        """Put the clock forward."""
        await self._ask("POST", controls.CLOCK, {"forward": seconds})

    async def snapshot(self, file: Path) -> None:
        """Write everything to a new file."""
        await self._ask("POST", controls.SNAPSHOT, _named(file))

    async def restore(self, file: Path) -> None:
        """Put what a snapshot has in the place of everything."""
        await self._ask("POST", controls.RESTORE, _named(file))

    async def usage(self) -> dict[str, Any]:
        """The running totals of requests and modelled request units."""
        return await self._ask("GET", controls.USAGE)

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask.

        Raises:
            Refused: with what is wrong.
        """
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, self._endpoint + path, json=body) as answer,
        ):
            content: dict[str, Any] = await answer.json()
        if "error" in content:
            raise Refused(content["error"])
        return content


def _named(file: Path) -> dict[str, str]:
    """The other process may have another working directory."""
    return {"file": str(file.absolute())}
