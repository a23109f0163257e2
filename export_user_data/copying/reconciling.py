"""Whether a copy is complete: what was written, against what the store itself counts, place by place."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from export_user_data.walk import Place
from shared import data_map
from shared.cosmos import Database, Item
from shared.data_map.copies import COME_SINCE, GONE_SINCE, UNEXPLAINED

_COUNTS: Final = "SELECT c.type, COUNT(1) AS items, SUM(c.count) AS readings FROM c"


@dataclass(frozen=True, slots=True)
class Tally:
    """How many items, and how many rows they are in the copy: of readings one each, of all else as many as items."""

    items: int = 0
    rows: int = 0

    def plus(self, items: int, rows: int) -> "Tally":
        """With so many more."""
        return Tally(self.items + items, self.rows + rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """One record in one place: what the copy holds of it, and what the store counted at the cut-off."""

    container: str
    record: str
    device_id: str | None
    ownership_id: str | None
    counted: Tally
    """By the store, at the cut-off."""
    written: Tally
    since: Tally
    """Of what was written: of a time after the cut-off."""
    again: Tally | None = None
    """By the store once more, when the copy was made; only where the other two differ."""

    @property
    def agrees(self) -> bool:
        """Whether exactly what the store counted was written."""
        return self._until == self.counted

    @property
    def explained(self) -> bool:
        """Whether the store itself counts otherwise by now, and the copy lies between: it changed meanwhile."""
        if self.agrees or self.again is None:
            return self.agrees
        return all(
            min(first, last) <= found <= max(first, last)
            for first, found, last in (
                (self.counted.items, self._until.items, self.again.items),
                (self.counted.rows, self._until.rows, self.again.rows),
            )
        )

    @property
    def _until(self) -> Tally:
        return Tally(self.written.items - self.since.items, self.written.rows - self.since.rows)

    def described(self) -> dict[str, Any]:
        """As the manifest has it."""
        place = {"deviceId": self.device_id, "ownershipId": self.ownership_id}
        return {
            "record": f"{self.container}/{self.record}",
            **{name: value for name, value in place.items() if value is not None},
            "itemsInStore": self.counted.items,
            "itemsWritten": self.written.items,
            "rowsInStore": self.counted.rows,
            "rowsWritten": self.written.rows,
            "agrees": self.agrees,
            **({"itemsSinceCutOff": self.since.items, "rowsSinceCutOff": self.since.rows} if self.since.items else {}),
            **({} if self.agrees else self._difference()),
        }

    def _difference(self) -> dict[str, Any]:
        difference = self._until.items - self.counted.items
        reason = (GONE_SINCE if difference <= 0 else COME_SINCE) if self.explained else UNEXPLAINED
        return {"explained": self.explained, "itemsDiffering": abs(difference), "difference": reason}


async def counts(place: Place, records: Sequence[str], through: str, *, database: Database) -> dict[str, Tally]:
    """What the store counts of some records in a place, of what is not of a time after a moment."""
    if not records:
        return {}
    condition, parameters = _condition(place, records, through)
    query = f"{_COUNTS} WHERE {condition} GROUP BY c.type"  # names of the data map
    found: dict[str, Tally] = {}
    async for row in database[place.container].query(query, parameters, partition=place.partition):
        rows = row.get("readings") if data_map.record(place.container, row["type"]).is_columnar else row["items"]
        found[row["type"]] = found.get(row["type"], Tally()).plus(row["items"], int(rows or 0))
    return found


def _condition(place: Place, records: Sequence[str], through: str) -> tuple[str, dict[str, object]]:
    by_time: dict[str | None, list[str]] = {}
    for name in records:
        by_time.setdefault(data_map.time_of(data_map.record(place.container, name)), []).append(f"'{name}'")
    parts = [
        f"(c.type IN ({', '.join(names)})"
        + (f" AND (NOT IS_DEFINED(c.{time}) OR c.{time} <= @through)" if time else "")
        for time, names in by_time.items()
    ]
    # What is not to be told is not counted either.
    condition = f"({') OR '.join(parts)})) AND (NOT IS_DEFINED(c.untold) OR c.untold = false)"
    parameters: dict[str, object] = {"through": through}
    if place.only is not None:
        condition += f" AND c.{place.only[0]} = @only"
        parameters["only"] = place.only[1]
    return condition, parameters


def is_since(place: Place, item: Item, through: str) -> bool:
    """Whether an item is of a time after a moment."""
    time = data_map.time_of(data_map.record(place.container, item["type"]))
    return time is not None and time in item and str(item[time]) > through
