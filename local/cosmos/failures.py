"""What the service answers when an operation does not succeed."""

import enum
from http import HTTPStatus
from typing import Final


class Substatus(enum.IntEnum):
    """Finer reasons, sent as `x-ms-substatus`; the SDKs act on them."""

    NONE = 0
    PARTITION_KEY_MISMATCH = 1001
    OWNER_NOT_FOUND = 1003
    CROSS_PARTITION_NOT_SERVABLE = 1004
    CONTAINER_RECREATED = 1024
    PREDICATE_FALSE = 1110


RETRY_WITH: Final = 449
"""The status of a write that met another one; Microsoft's own, so Python's list lacks it."""


class Failure(Exception):
    """An operation failed with a status of the service; the message is what the client sees."""

    def __init__(
        self, status: int, message: str, *, substatus: int = Substatus.NONE, retry_after_ms: int | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.substatus = substatus
        self.retry_after_ms = retry_after_ms


CODES: Final[dict[int, str]] = {
    HTTPStatus.BAD_REQUEST: "BadRequest",
    HTTPStatus.UNAUTHORIZED: "Unauthorized",
    HTTPStatus.FORBIDDEN: "Forbidden",
    HTTPStatus.NOT_FOUND: "NotFound",
    HTTPStatus.REQUEST_TIMEOUT: "RequestTimeout",
    HTTPStatus.CONFLICT: "Conflict",
    HTTPStatus.GONE: "Gone",
    HTTPStatus.PRECONDITION_FAILED: "PreconditionFailed",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "RequestEntityTooLarge",
    HTTPStatus.TOO_MANY_REQUESTS: "TooManyRequests",
    RETRY_WITH: "RetryWith",
    HTTPStatus.INTERNAL_SERVER_ERROR: "InternalServerError",
    HTTPStatus.SERVICE_UNAVAILABLE: "ServiceUnavailable",
}
"""The `code` of an error body by status."""


def bad_request(message: str, *, substatus: int = Substatus.NONE) -> Failure:
    """The request cannot be understood or is not supported."""
    return Failure(HTTPStatus.BAD_REQUEST, message, substatus=substatus)


def unsupported(construct: str) -> Failure:
    """The service may know this construct; this endpoint does not and will not guess."""
    return bad_request(f"{construct} is not supported by the local Cosmos DB endpoint.")


def not_found(what: str = "Entity with the specified id does not exist in the system.") -> Failure:
    """The item does not exist."""
    return Failure(HTTPStatus.NOT_FOUND, what)


def owner_not_found(what: str) -> Failure:
    """The database or container that the request names does not exist."""
    return Failure(HTTPStatus.NOT_FOUND, what, substatus=Substatus.OWNER_NOT_FOUND)


def conflict(message: str = "Entity with the specified id already exists in the system.") -> Failure:
    """The id or a unique key is taken."""
    return Failure(HTTPStatus.CONFLICT, message)


def precondition_failed() -> Failure:
    """The item has another ETag than the one asked for."""
    return Failure(
        HTTPStatus.PRECONDITION_FAILED,
        "Operation cannot be performed because one of the specified precondition is not met.",
    )


def predicate_false() -> Failure:
    """The condition of a patch does not hold."""
    return Failure(
        HTTPStatus.PRECONDITION_FAILED,
        "One of the specified pre-condition is not met.",
        substatus=Substatus.PREDICATE_FALSE,
    )


def too_large(message: str = "Request size is too large.") -> Failure:
    """The item or the batch exceeds its limit."""
    return Failure(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message)
