"""What the page of a bundle shows of the data, gathered while the walk goes by: bounded, however much there is."""

from collections import Counter
from typing import Any, Self

from export_user_data.walk import Held


class Digest:
    """How many items of each record went by. It can be written down between two steps of a job, and taken up again."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.items: Counter[str] = Counter()

    def add(self, held: Held) -> None:
        """Take one stored item into account."""
        self.items[held.record_name] += 1

    def state(self) -> dict[str, Any]:
        """What JSON can hold, and `of` takes."""
        return {"items": dict(self.items)}

    @classmethod
    def of(cls, state: dict[str, Any]) -> Self:
        """The digest that had this state."""
        digest = cls()
        digest.items.update(state["items"])
        return digest
