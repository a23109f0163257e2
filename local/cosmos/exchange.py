"""One request and its answer, free of the HTTP library."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import NamedTuple

from local.cosmos import values
from local.cosmos.failures import CODES, Failure, bad_request
from local.cosmos.usage import ACCOUNT
from local.cosmos.values import Json


class Exchange(NamedTuple):
    """A request. `path` holds the decoded segments; `headers` does not mind upper or lower case."""

    method: str
    path: tuple[str, ...]
    headers: Mapping[str, str]
    body: bytes
    origin: str
    now: float

    def flag(self, name: str) -> bool:
        """Whether a header says true."""
        return self.headers.get(name, "").lower() == "true"

    def header(self, name: str) -> str | None:
        """A header; None when it is missing or empty."""
        return self.headers.get(name) or None

    def number(self, name: str) -> int | None:
        """A header's integer.

        Raises:
            Failure: it is none.
        """
        text = self.headers.get(name)
        try:
            return int(text) if text else None
        except ValueError:
            raise bad_request(f"The header {name} is no integer: '{text}'.") from None

    @property
    def json(self) -> Json:
        """The parsed body.

        Raises:
            Failure: it is not JSON.
        """
        try:
            return values.load(self.body)
        except ValueError as error:
            raise bad_request(f"The body is not valid JSON: {error}.") from None

    @property
    def is_query(self) -> bool:
        """Whether the body is a query."""
        return self.flag("x-ms-documentdb-isquery") or self.headers.get("content-type", "").startswith(
            "application/query+json"
        )

    @property
    def query(self) -> tuple[str, dict[str, Json]]:
        """The query's text and its parameters by name.

        Raises:
            Failure: the body is no query.
        """
        body = self.json
        try:
            text = body["query"]
            parameters = {parameter["name"]: parameter["value"] for parameter in body.get("parameters") or ()}
        except (TypeError, KeyError, AttributeError):
            raise bad_request("The body must be an object with a query and a list of parameters.") from None
        if not isinstance(text, str):
            raise bad_request("The query must be text.")
        return text, parameters


@dataclass(slots=True)
class Answer:
    """What goes back. `operation` and `container` say under what it is counted."""

    operation: str
    status: int = HTTPStatus.OK
    body: bytes = b""
    charge: float = 0.0
    container: str = ACCOUNT
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of_json(cls, operation: str, body: Json, status: int = HTTPStatus.OK, charge: float = 0.0) -> "Answer":
        """An answer with a body."""
        return cls(operation, status, values.dump(body), charge)


def refusal(operation: str, failure: Failure, charge: float) -> Answer:
    """The answer to an operation that failed."""
    body = {"code": CODES[failure.status], "message": failure.message}
    answer = Answer.of_json(operation, body, failure.status, charge)
    answer.headers["x-ms-substatus"] = str(int(failure.substatus))
    if failure.retry_after_ms is not None:
        answer.headers["x-ms-retry-after-ms"] = str(failure.retry_after_ms)
    return answer


def feed(name: str, rid: str, texts: list[bytes]) -> bytes:
    """The body of a list of resources that are JSON texts already."""
    head = f'{{"_rid":"{rid}","{name}":['.encode()
    return head + b",".join(texts) + f'],"_count":{len(texts)}}}'.encode()
