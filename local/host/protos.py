"""The messages that Microsoft's worker library reads and builds, as plain Python objects.

The library takes the module of its protobuf messages as a parameter. In Azure that is generated code behind a gRPC
channel; here host and worker share one process, so plain objects serve and nothing is serialised. Field names and
constructor keywords are the library's, and a field that a message does not have is refused.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import IntEnum
from typing import Any, ClassVar, Final

_KINDS: Final = frozenset(
    {
        "string",
        "json",
        "bytes",
        "http",
        "int",
        "double",
        *(f"collection_{kind}" for kind in ("bytes", "string", "sint64")),
    }
)


class TypedData:
    """One value of one kind: `TypedData(bytes=b"...")`; without a value it holds nothing."""

    __slots__ = ("kind", "value")

    def __init__(self, **value: Any) -> None:
        if not value:
            self.kind, self.value = None, None
            return
        ((self.kind, self.value),) = value.items()
        if self.kind not in _KINDS:
            raise TypeError(f"TypedData has no kind {self.kind!r}")

    kind: str | None
    value: Any

    def WhichOneof(self, _group: str) -> str | None:  # noqa: N802 - the protobuf name that the library calls
        """The kind of the value."""
        return self.kind

    def __getattr__(self, name: str) -> Any:
        if name == self.kind:
            return self.value
        raise AttributeError(f"this TypedData holds {self.kind!r}, not {name!r}")

    def __repr__(self) -> str:
        return f"TypedData({self.kind})"  # never the value: it is somebody's payload


@dataclass(slots=True)
class ParameterBinding:
    """A named input or output of an invocation."""

    name: str
    data: TypedData | None

    def WhichOneof(self, _group: str) -> str:  # noqa: N802 - the protobuf name that the library calls
        """The way the value is sent: always within the message."""
        return "data"


@dataclass(slots=True)
class CollectionBytes:
    """Bodies of a batch with `dataType` binary."""

    bytes: list[Any]


@dataclass(slots=True)
class CollectionString:
    """Strings of a batch: bodies, offsets, partition keys."""

    string: list[str]


@dataclass(slots=True)
class CollectionSInt64:
    """Integers of a batch: sequence numbers."""

    sint64: list[int]


@dataclass(slots=True)
class RpcException:
    """What a function, or indexing, raised."""

    message: str = ""
    stack_trace: str = ""
    source: str = ""


@dataclass(slots=True)
class StatusResult:
    """Outcome of a request to the worker; a failure carries its exception."""

    Failure: ClassVar = 0
    Success: ClassVar = 1
    Cancelled: ClassVar = 2

    status: int = 0
    exception: RpcException = field(default_factory=RpcException)
    result: str = ""


@dataclass(slots=True)
class WorkerMetadata:
    """Versions of the worker and its Python."""

    runtime_name: str = ""
    runtime_version: str = ""
    worker_version: str = ""
    worker_bitness: str = ""
    custom_properties: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class WorkerInitRequest:
    """Asks the worker to index the app in `function_app_directory`."""

    function_app_directory: str
    host_version: str
    capabilities: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class WorkerInitResponse:
    """Answer to `WorkerInitRequest`; an app that cannot be indexed is a failed result."""

    result: StatusResult
    capabilities: dict[str, str] = field(default_factory=dict)
    worker_metadata: WorkerMetadata | None = None


@dataclass(slots=True)
class FunctionMetadataResponse:
    """The indexed functions; None without a function_app.py."""

    result: StatusResult
    function_metadata_results: list["RpcFunctionMetadata"] | None = None
    use_default_metadata_indexing: bool = False


@dataclass(slots=True)
class BindingInfo:
    """Kind and direction of one binding."""

    out: ClassVar = 1
    inout: ClassVar = 2
    undefined: ClassVar = 0

    type: str
    direction: int
    data_type: int | None = None


@dataclass(slots=True)
class RpcRetryOptions:
    """Retry policy of one function; `max_retry_count` -1 is without end."""

    max_retry_count: int
    retry_strategy: str
    delay_interval: timedelta | None = None
    minimum_interval: timedelta | None = None
    maximum_interval: timedelta | None = None


@dataclass(slots=True)
class RpcFunctionMetadata:
    """One function as the worker indexed it; `raw_bindings` are JSON texts with all host-side facts."""

    name: str
    function_id: str
    directory: str
    script_file: str
    entry_point: str
    language: str
    bindings: dict[str, BindingInfo]
    raw_bindings: list[str]
    retry_options: RpcRetryOptions | None
    properties: dict[str, str]
    is_proxy: bool
    managed_dependency_enabled: bool


@dataclass(slots=True)
class RpcTraceContext:
    """W3C trace context of the call."""

    trace_parent: str = ""
    trace_state: str = ""
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class RetryContext:
    """How often this call was retried; both 0 at the first attempt."""

    retry_count: int = 0
    max_retry_count: int = 0
    exception: RpcException = field(default_factory=RpcException)


@dataclass(slots=True)
class InvocationRequest:
    """Asks the worker to run one function once."""

    invocation_id: str
    function_id: str
    input_data: list[ParameterBinding]
    trigger_metadata: dict[str, TypedData]
    trace_context: RpcTraceContext
    retry_context: RetryContext


@dataclass(slots=True)
class InvocationResponse:
    """Answer to `InvocationRequest`; an exception of the function is a failed result."""

    invocation_id: str
    result: StatusResult
    output_data: list[ParameterBinding] = field(default_factory=list)
    return_value: TypedData | None = None


@dataclass(slots=True)
class RpcHttp:
    """An HTTP request on its way in, or an HTTP response (`status_code`, `cookies`) on its way out."""

    headers: dict[str, str]
    body: TypedData
    method: str = ""
    url: str = ""
    params: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    status_code: str = ""
    cookies: list["RpcHttpCookie"] | None = None
    enable_content_negotiation: bool = False


@dataclass(slots=True)
class NullableString:
    """A text that may be absent."""

    value: str


@dataclass(slots=True)
class NullableBool:
    """A flag that may be absent."""

    value: bool


@dataclass(slots=True)
class NullableDouble:
    """A number that may be absent."""

    value: float


@dataclass(slots=True)
class Timestamp:
    """Seconds since 1970."""

    seconds: int = 0


@dataclass(slots=True)
class NullableTimestamp:
    """A time that may be absent."""

    value: Timestamp


_SameSite = IntEnum("_SameSite", {"None": 0, "Lax": 1, "Strict": 2, "ExplicitNone": 3})


@dataclass(slots=True)
class RpcHttpCookie:
    """One cookie of a response."""

    SameSite: ClassVar[type[IntEnum]] = _SameSite

    name: str
    value: str
    domain: NullableString | None = None
    path: NullableString | None = None
    expires: NullableTimestamp | None = None
    secure: NullableBool | None = None
    http_only: NullableBool | None = None
    same_site: int = 0
    max_age: NullableDouble | None = None
