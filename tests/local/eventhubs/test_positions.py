import pytest

from local.eventhubs.errors import AmqpError
from local.eventhubs.positions import Axis, StartPosition, parse_selector


@pytest.mark.parametrize(
    ("selector", "position"),
    [
        ("amqp.annotation.x-opt-offset > '-1'", StartPosition(Axis.OFFSET, -1, inclusive=False)),
        ("amqp.annotation.x-opt-offset > '@latest'", StartPosition(Axis.OFFSET, None, inclusive=False)),
        ("amqp.annotation.x-opt-sequence-number >= '5'", StartPosition(Axis.SEQUENCE_NUMBER, 5, inclusive=True)),
        (
            "amqp.annotation.x-opt-enqueued-time > 1700000000000",
            StartPosition(Axis.ENQUEUED_TIME, 1700000000000, False),
        ),
    ],
)
def test_the_selectors_of_the_sdk(selector: str, position: StartPosition) -> None:
    """All forms that the SDKs send are understood."""
    assert parse_selector(selector) == position


@pytest.mark.parametrize(
    "selector",
    [
        "",
        "colour = 'red'",
        "amqp.annotation.x-opt-offset < '5'",
        "amqp.annotation.x-opt-offset > 'here'",
        "amqp.annotation.x-opt-sequence-number > '@latest'",
        "amqp.annotation.x-opt-publisher > '5'",
        "amqp.annotation.x-opt-offset > '5' OR 1 = 1",
    ],
)
def test_another_selector_is_refused_by_name(selector: str) -> None:
    """A filter that would silently select everything is refused, and named."""
    with pytest.raises(AmqpError) as refusal:
        parse_selector(selector)
    assert repr(selector) in refusal.value.description
