"""What is said to and by transfers."""

from typing import Annotated, Literal

from pydantic import Field

from shared.contract import Body, Moment, View


class TransferRequest(Body):
    """Where a copy goes: an https address that takes a PUT, as another provider gives it to whoever moves there."""

    endpoint: Annotated[str, Field(min_length=12, max_length=2000)]


class Transfer(View):
    """A transfer and how far it is. The address is forgotten when it has ended."""

    transfer_id: str
    export_id: str
    state: Literal["queued", "running", "handed_over", "refused", "failed"]
    """`refused`: the other side answered, and does not take it; `failed`: it did not answer, or not well, six times."""
    requested_at: Moment
    ended_at: Moment | None = None
