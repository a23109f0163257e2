"""What an erasure reaches, and what becomes of it: derived from the data map."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, Self

from shared import data_map
from shared.data_map import BLOBS, CATEGORIES, CONTAINERS, HUBS, OUTSIDE, Category, Record

Scope = Literal["person", "device", "category"]

ERASABLE: Final = (Category.USAGE, Category.PERFORMANCE, Category.APP, Category.INTERACTIONS)
"""Categories that can be erased by themselves. Without the person's own record and who owns a device there is no
account: these go with the person, or with the device's period."""

OF_MONITORS: Final = frozenset({Category.USAGE, Category.PERFORMANCE})

DEVICE_ITEM: Final = "device"
"""It stays when its owner is erased, with nothing but what it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One partition, and which of its items go."""

    container: str
    partition: str
    records: tuple[str, ...]
    ownership_id: str | None = None
    """Only what belongs to this period; None: whatever lies there."""
    through: str | None = None
    """Only what was received until then."""

    def written(self) -> dict[str, Any]:
        """As the job keeps it."""
        return {
            "container": self.container,
            "partition": self.partition,
            "records": list(self.records),
            "ownershipId": self.ownership_id,
            "through": self.through,
        }

    @classmethod
    def read(cls, written: Mapping[str, Any]) -> Self:
        """Read what `written` wrote."""
        return cls(
            container=written["container"],
            partition=written["partition"],
            records=tuple(written["records"]),
            ownership_id=written["ownershipId"],
            through=written["through"],
        )

    def blocks(self, record: str) -> bool:
        """Whether items of a record are kept for courts and authorities."""
        return becomes(CONTAINERS[self.container].records[record]) == "block"

    def condition(self, records: tuple[str, ...]) -> tuple[str, dict[str, Any]]:
        """The items of these records that go, as a condition with its parameters."""
        names = ", ".join(f"'{name}'" for name in records)
        of_records = data_map.until(self.container, records) if self.through is not None else f"c.type IN ({names})"
        parts, parameters = [of_records], dict[str, Any]()
        if self.ownership_id is not None:
            parts.append("c.ownershipId = @ownership")
            parameters["ownership"] = self.ownership_id
        if self.through is not None:
            parameters["through"] = self.through
        return " AND ".join(parts), parameters


def becomes(record: Record) -> Literal["block", "destroy"]:
    """What an erasure makes of the items of a record that it takes away."""
    rule = CATEGORIES[record.category]  # and not what a record says of its expiry: an erasure is another ground
    return "block" if rule.on_expiry == "block" and rule.blocked_for is not None else "destroy"


def _purged(container: str, category: Category | None = None) -> tuple[str, ...]:
    """The records of a container that go; of one category what was not understood of it goes as well."""
    return tuple(
        name
        for name, record in CONTAINERS[container].records.items()
        if record.erasure == "purge"
        and name not in {"marker", DEVICE_ITEM}
        and (category is None or record.category is category or name == "attributableMalformed")
    )


def of_person(person_id: str, owned: list[list[str]]) -> Iterator[Place]:
    """Everything; the person's own partition last, since it tells of all others."""
    for ownership_id, device_id in owned:
        yield from of_ownership(ownership_id, device_id)
    yield Place(container="people", partition=person_id, records=_purged("people"))


def of_ownership(ownership_id: str, device_id: str) -> Iterator[Place]:
    """What a device's period holds."""
    yield Place(container="telemetry", partition=ownership_id, records=_purged("telemetry"))
    yield Place(container="devices", partition=device_id, records=_purged("devices"), ownership_id=ownership_id)


def of_link(person_id: str, ownership_id: str) -> Place:
    """The person's own tie to a period."""
    return Place(container="people", partition=person_id, records=("link",), ownership_id=ownership_id)


def of_category(category: Category, person_id: str, owned: list[list[str]], through: datetime | str) -> Iterator[Place]:
    """One category: of the given periods when monitors send it, else of the person."""
    if category not in OF_MONITORS:
        records = _purged("people", category)
        yield Place(container="people", partition=person_id, records=records, through=str(through))
        return
    for ownership_id, device_id in owned:
        yield Place(
            container="telemetry",
            partition=ownership_id,
            records=_purged("telemetry", category),
            through=str(through),
        )
        if _purged("devices", category):
            yield Place(
                container="devices",
                partition=device_id,
                records=_purged("devices", category),
                ownership_id=ownership_id,
                through=str(through),
            )


def fate(scope: Scope, category: Category | None) -> list[tuple[Category, Literal["block", "destroy"]]]:
    """Which categories an erasure takes away, and what becomes of each."""
    chosen = {
        "person": tuple(Category),
        "device": (Category.DEVICE, Category.USAGE, Category.PERFORMANCE),
        "category": (category,) if category else (),
    }[scope]
    return [(one, CATEGORIES[one].on_expiry) for one in chosen if one is not Category.SERVICE]


@dataclass(frozen=True, slots=True)
class Outside:
    """A place that the purge cannot reach, and how many days it takes to let go; None: its holder removes it."""

    place: str
    about: str
    what_happens: str
    lapse_days: int | None


def outside() -> list[Outside]:
    """Every such place, from the data map."""
    hubs = [
        Outside(f"{name} hub", hub.about, "lapses; what is read from it meanwhile is refused", hub.lapse.days)
        for name, hub in HUBS.items()
    ]
    blobs = [
        Outside(f"{name} blobs", blob.about, blob.erasure, blob.lapse.days)
        for name, blob in BLOBS.items()
        if blob.lapse is not None
    ]
    others = [
        Outside(name, place.about, place.erasure, place.lapse.days if place.lapse is not None else None)
        for name, place in OUTSIDE.items()
    ]
    return [*hubs, *blobs, *others]


def longest_lapse_days() -> int:
    """After so many days the last of these places has let go, as far as that comes by itself."""
    return max(place.lapse_days for place in outside() if place.lapse_days is not None)
