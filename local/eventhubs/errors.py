"""How the endpoint says no: an AMQP error condition and one sentence."""

from enum import StrEnum


class Condition(StrEnum):
    """The error conditions that this endpoint answers with, as the service and its SDKs know them."""

    ARGUMENT_ERROR = "com.microsoft:argument-error"
    ARGUMENT_OUT_OF_RANGE = "com.microsoft:argument-out-of-range"
    CONNECTION_FORCED = "amqp:connection:forced"
    DECODE_ERROR = "amqp:decode-error"
    FRAMING_ERROR = "amqp:connection:framing-error"
    INTERNAL_ERROR = "amqp:internal-error"
    LINK_STOLEN = "amqp:link:stolen"
    MESSAGE_SIZE_EXCEEDED = "amqp:link:message-size-exceeded"
    NOT_ALLOWED = "amqp:not-allowed"
    NOT_FOUND = "amqp:not-found"
    NOT_IMPLEMENTED = "amqp:not-implemented"
    RESOURCE_LIMIT_EXCEEDED = "amqp:resource-limit-exceeded"
    SERVER_BUSY = "com.microsoft:server-busy"
    UNAUTHORIZED_ACCESS = "amqp:unauthorized-access"


class AmqpError(Exception):
    """A refusal that goes to the peer: with a link's detach, a delivery's rejection, or the connection's close."""

    def __init__(self, condition: Condition | str, description: str) -> None:
        super().__init__(description)
        self.condition = condition
        self.description = description


class DecodeError(AmqpError):
    """The peer sent bytes that are not AMQP 1.0, or not what belongs in this place."""

    def __init__(self, description: str) -> None:
        super().__init__(Condition.DECODE_ERROR, description)
