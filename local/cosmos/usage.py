"""Running totals of requests and modelled request units, by container and operation: what a benchmark reads."""

from dataclasses import asdict, dataclass, field
from typing import Any

ACCOUNT = "account"
"""Where requests are counted that belong to no container."""


@dataclass
class Totals:
    """Requests, how many of them did not succeed, and their request units."""

    requests: int = 0
    failed: int = 0
    requestUnits: float = 0.0  # noqa: N815  # the name in the JSON answer


@dataclass
class Usage:
    """Totals since the start or the last reset."""

    _totals: dict[str, dict[str, Totals]] = field(default_factory=dict)

    def count(self, container: str, operation: str, status: int, charge: float) -> None:
        """Add one request."""
        totals = self._totals.setdefault(container, {}).setdefault(operation, Totals())
        totals.requests += 1
        totals.requestUnits += charge
        totals.failed += status >= 400 or status == 207  # noqa: PLR2004  # 207 is a batch that failed

    def reset(self) -> None:
        """Begin again at nothing."""
        self._totals.clear()

    def report(self) -> dict[str, Any]:
        """All totals, with a sum for each container."""
        return {
            "note": "Request units are modelled, not measured.",
            "containers": {name: _report(operations) for name, operations in sorted(self._totals.items())},
        }


def _report(operations: dict[str, Totals]) -> dict[str, Any]:
    return {
        "requests": sum(totals.requests for totals in operations.values()),
        "failed": sum(totals.failed for totals in operations.values()),
        "requestUnits": round(sum(totals.requestUnits for totals in operations.values()), 2),
        "operations": {
            name: asdict(totals) | {"requestUnits": round(totals.requestUnits, 2)}
            for name, totals in sorted(operations.items())
        },
    }
