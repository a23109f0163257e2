"""What is said about support cases."""

from typing import Annotated

from pydantic import Field

from shared.contract import Body, Moment, View


class OpenSupportCase(Body):
    """The owner agrees that performance data is collected for a while."""

    days: Annotated[int, Field(ge=1, le=30)] = 7


class SupportCase(View):
    """A support case of one device."""

    case_id: str
    device_id: str
    opened_at: Moment
    expires_at: Moment
    closed_at: Moment | None = None
