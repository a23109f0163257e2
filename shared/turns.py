"""Turns: what a timer found is done one after the other, and the fault of one does not keep the others."""

from collections import Counter
from collections.abc import Awaitable


class Turns:
    """What became of each, and what went wrong."""

    def __init__(self) -> None:
        """Nobody had a turn yet."""
        self._ends: Counter[str] = Counter()
        self._faults: list[Exception] = []

    async def take(self, doing: Awaitable[str]) -> None:
        """Let one have its turn; it tells what became of it, for the log."""
        try:
            self._ends[await doing] += 1
        except Exception as fault:  # noqa: BLE001 - raised by `ended`, when the others have had their turn
            self._faults.append(fault)

    def ended(self) -> Counter[str]:
        """How many came to which end.

        Raises:
            Exception: the first fault, so that the run counts as failed.
        """
        if self._faults:
            raise self._faults[0]
        return self._ends
