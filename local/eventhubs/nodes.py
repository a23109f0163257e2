"""The two nodes that answer requests: `$cbs` takes tokens, `$management` tells about hubs and partitions."""

from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple

from local.eventhubs import codec, messages
from local.eventhubs.access import JWT, Grants, recognise, verify
from local.eventhubs.errors import AmqpError, Condition
from local.eventhubs.log import PartitionLog
from local.eventhubs.namespace import Hub, Namespace, Partition

CBS: Final = "$cbs"
MANAGEMENT: Final = "$management"

_STATUS: Final[Mapping[str, int]] = {
    Condition.UNAUTHORIZED_ACCESS: 401,
    Condition.NOT_FOUND: 404,
    Condition.NOT_IMPLEMENTED: 501,
}
_BAD_REQUEST: Final = 400


class Answer(NamedTuple):
    """What a node says to a request."""

    status: int
    description: str
    body: bytes = codec.NULL


class Desk:
    """The nodes as one connection sees them: its tokens count for it alone."""

    def __init__(
        self, namespace: Namespace, keys: Mapping[str, str], accepted_tokens: Collection[str], grants: Grants
    ) -> None:
        self._namespace = namespace
        self._keys = keys
        self._accepted_tokens = accepted_tokens
        self._grants = grants

    def reply(self, node: str, request: bytes) -> bytes:
        """The reply message to a request message.

        Raises:
            DecodeError: the request is not a message.
        """
        sections = messages.read_sections(request)
        arguments = sections.get(messages.APPLICATION_PROPERTIES) or {}
        try:
            answer = self._put_token(arguments, sections) if node == CBS else self._read(arguments)
        except AmqpError as error:
            answer = Answer(_STATUS.get(error.condition, _BAD_REQUEST), error.description)
        return _reply_message(messages.read_message_id(request), answer)

    def _put_token(self, arguments: Mapping[str, Any], sections: Mapping[int, Any]) -> Answer:
        if arguments.get("operation") != "put-token":
            raise AmqpError(
                Condition.NOT_IMPLEMENTED, f"The operation {arguments.get('operation')!r} is not supported by $cbs."
            )
        token = str(sections.get(messages.VALUE))
        if arguments.get("type") == JWT:
            self._grants.add(recognise(token, arguments.get("name"), self._accepted_tokens))
        else:
            self._grants.add(verify(token, self._keys))
        return Answer(202, "Accepted")

    def _read(self, arguments: Mapping[str, Any]) -> Answer:
        operation, entity = arguments.get("operation"), arguments.get("type")
        if operation != "READ" or entity not in ("com.microsoft:eventhub", "com.microsoft:partition"):
            raise AmqpError(
                Condition.NOT_IMPLEMENTED,
                f"The operation {operation!r} on {entity!r} is not supported by $management.",
            )
        name = str(arguments.get("name"))
        self._grants.check(name)
        hub = self._namespace.hub(name)
        if entity == "com.microsoft:eventhub":
            return Answer(200, "OK", _hub_properties(hub))
        return Answer(200, "OK", _partition_properties(hub, hub.partition(str(arguments.get("partition")))))


def _reply_message(correlation_id: bytes, answer: Answer) -> bytes:
    properties = codec.sequence([codec.NULL] * 5 + [correlation_id])
    status = codec.mapping(
        [
            (codec.string("status-code"), codec.integer(answer.status)),
            (codec.string("status-description"), codec.string(answer.description)),
            (codec.string("statusDescription"), codec.string(answer.description)),  # where the Python SDK looks
        ]
    )
    return (
        codec.described(messages.PROPERTIES, properties)
        + codec.described(messages.APPLICATION_PROPERTIES, status)
        + codec.described(messages.VALUE, answer.body)
    )


def _fields(values: Mapping[str, bytes]) -> bytes:
    return codec.mapping((codec.string(name), value) for name, value in values.items())


def _hub_properties(hub: Hub) -> bytes:
    return _fields(
        {
            "name": codec.string(hub.name),
            "type": codec.string("com.microsoft:eventhub"),
            "created_at": codec.timestamp(hub.created_ms),
            "partition_count": codec.integer(len(hub.partitions)),
            "partition_ids": codec.strings(partition.id for partition in hub.partitions),
            "georeplication_factor": codec.integer(1),
        }
    )


def _partition_properties(hub: Hub, partition: Partition) -> bytes:
    partition.expire()
    log = partition.log
    return _fields(
        {
            "name": codec.string(hub.name),
            "type": codec.string("com.microsoft:partition"),
            "partition": codec.string(partition.id),
            "begin_sequence_number": codec.long(log.begin_sequence if len(log) else -1),
            "last_enqueued_sequence_number": codec.long(log.last_sequence),
            "last_enqueued_offset": codec.string(str(log.last_offset)),
            "last_enqueued_time_utc": codec.timestamp(log.last_enqueued_ms),
            "is_partition_empty": codec.boolean(not len(log)),
        }
    )


def last_enqueued(log: PartitionLog, now_ms: int) -> bytes:
    """Delivery annotations that tell a reader how far the log is ahead of it."""
    return codec.mapping(
        [
            (codec.symbol("last_enqueued_sequence_number"), codec.long(log.last_sequence)),
            (codec.symbol("last_enqueued_offset"), codec.string(str(log.last_offset))),
            (codec.symbol("last_enqueued_time_utc"), codec.timestamp(log.last_enqueued_ms)),
            (codec.symbol("runtime_info_retrieval_time_utc"), codec.timestamp(now_ms)),
        ]
    )
