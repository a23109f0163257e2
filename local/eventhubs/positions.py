"""Where a reader starts: the selector expressions that Event Hubs clients send."""

import re
from enum import Enum
from typing import Final, NamedTuple

from local.eventhubs.errors import AmqpError, Condition


class Axis(Enum):
    """What a start position counts."""

    OFFSET = "offset"
    SEQUENCE_NUMBER = "sequence number"
    ENQUEUED_TIME = "enqueued time"


class StartPosition(NamedTuple):
    """Start at `value`, or after it; None is the end of the log at the time of asking."""

    axis: Axis
    value: int | None
    inclusive: bool


EARLIEST: Final = StartPosition(Axis.OFFSET, -1, inclusive=False)

_SELECTOR: Final = re.compile(r"amqp\.annotation\.(x-opt-[a-z-]+)\s*(>=|>)\s*'?(@latest|-?\d{1,19})'?")
_AXES: Final = {
    "x-opt-offset": Axis.OFFSET,
    "x-opt-sequence-number": Axis.SEQUENCE_NUMBER,
    "x-opt-enqueued-time": Axis.ENQUEUED_TIME,
}


def parse_selector(selector: str) -> StartPosition:
    """The position that a selector such as `amqp.annotation.x-opt-offset > '42'` names.

    Raises:
        AmqpError: the selector is of another form; it is named.
    """
    match = _SELECTOR.fullmatch(selector.strip())
    axis = _AXES.get(match[1]) if match else None
    if match is None or axis is None or (match[3] == "@latest" and axis is not Axis.OFFSET):
        raise AmqpError(Condition.ARGUMENT_ERROR, f"The selector {selector!r} is not supported.")
    return StartPosition(axis, None if match[3] == "@latest" else int(match[3]), inclusive=match[2] == ">=")
