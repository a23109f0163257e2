import pytest

from local.eventhubs import codec, messages
from local.eventhubs.errors import DecodeError
from tests.local.eventhubs.peer import data_message


def annotated(body: bytes, **annotations: str) -> bytes:
    pairs = [
        (codec.symbol("x-opt-" + name.replace("_", "-")), codec.string(text)) for name, text in annotations.items()
    ]
    return codec.described(messages.MESSAGE_ANNOTATIONS, codec.mapping(pairs)) + data_message(body)


def stored(event: messages.Event) -> messages.StoredEvent:
    return messages.read_stored("0", messages.stamp(event, 7, 70, codec.timestamp(1000)))


def test_a_sender_cannot_set_what_the_service_sets() -> None:
    """Sequence number, offset and time that a sender claims are replaced; its other annotations stay."""
    _, [event] = messages.read_delivery(annotated(b"x", sequence_number="1", offset="2", mine="3"), 0)
    read = stored(event)
    assert (read.sequence_number, read.offset, read.enqueued_time.timestamp()) == (7, "70", 1.0)
    annotations = messages.read_sections(messages.stamp(event, 7, 70, codec.timestamp(1000)))
    assert annotations[messages.MESSAGE_ANNOTATIONS]["x-opt-mine"] == "3"


def test_the_key_of_a_batch_is_the_key_of_its_events() -> None:
    """An event of a batch has the batch's partition key unless it has its own."""
    inner = data_message(data_message(b"plain")) + data_message(annotated(b"own", partition_key="mine"))
    envelope = codec.described(
        messages.MESSAGE_ANNOTATIONS, codec.mapping([(codec.symbol("x-opt-partition-key"), codec.string("batch"))])
    )
    key, events = messages.read_delivery(envelope + inner, messages.BATCH_FORMAT)
    assert key == "batch"
    assert [stored(event).partition_key for event in events] == ["batch", "mine"]


def test_header_and_bare_message_are_kept_byte_for_byte() -> None:
    """What only sender and reader understand arrives as it was sent."""
    header = codec.described(messages.HEADER, codec.sequence([codec.boolean(True), codec.ubyte(9)]))
    bare = codec.described(messages.PROPERTIES, codec.sequence([codec.string("id")])) + data_message(b"x")
    _, [event] = messages.read_delivery(header + bare, 0)
    message = messages.stamp(event, 0, 0, codec.timestamp(0))
    assert message.startswith(header)
    assert message.endswith(bare)
    told = messages.with_delivery_annotations(message, codec.mapping([(codec.symbol("ahead"), codec.long(5))]))
    assert told.startswith(header)
    assert messages.read_sections(told)[messages.DELIVERY_ANNOTATIONS] == {"ahead": 5}


@pytest.mark.parametrize(
    ("payload", "message_format"),
    [
        (b"no message", 0),
        (data_message(b"cut off")[:-3], 0),
        (data_message(b"x"), 77),
        (data_message(b"no message"), messages.BATCH_FORMAT),
        (codec.described(messages.VALUE, codec.string("x")), messages.BATCH_FORMAT),
        (codec.described(messages.MESSAGE_ANNOTATIONS, codec.string("no map")) + data_message(b"x"), 0),
    ],
)
def test_what_is_no_message_is_refused(payload: bytes, message_format: int) -> None:
    """Bytes that no reader could take apart are never stored."""
    with pytest.raises(DecodeError):
        messages.read_delivery(payload, message_format)
