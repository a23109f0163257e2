"""The readings of a stored item, one by one: it holds them as one list per kind and field."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from shared import clock


def rows(item: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Kind and values of each reading; `observedAt` among them is the monitor's own time."""
    for kind, columns in item["columns"].items():
        for index in range(len(columns["observedAt"])):
            yield kind, {name: column[index] for name, column in columns.items() if column[index] is not None}


def corrected(item: Mapping[str, Any], observed_at: str) -> datetime:
    """When a reading of an item was observed, by this service's clock."""
    return clock.moment(observed_at) + timedelta(seconds=item["clockOffsetS"])
