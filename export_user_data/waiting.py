"""Room for those who wait for something new: so many in one worker, and so few of one person."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

ROOM: Final = 50
"""Requests of one worker that wait at a time."""

ROOM_OF_ONE: Final = 5
"""Of these, of one person: a monitor or two, read by an app and a program. The others' room is not theirs to take."""


class WaitingRoom:
    """Who has no place in it is answered at once, with what there is."""

    def __init__(self, room: int = ROOM, of_one: int = ROOM_OF_ONE) -> None:
        """Take how many fit in, and how many of one person."""
        self._room = room
        self._of_one = of_one
        self._waiting: Counter[str] = Counter()

    @contextmanager
    def place(self, person_id: str) -> Iterator[bool]:
        """Whether there is a place for this person; it is theirs until the block ends."""
        if self._waiting.total() >= self._room or self._waiting[person_id] >= self._of_one:
            yield False
            return
        self._waiting[person_id] += 1
        try:
            yield True
        finally:
            self._waiting[person_id] -= 1
            self._waiting += Counter()  # who has none is forgotten
