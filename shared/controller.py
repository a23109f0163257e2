"""Who is responsible for an installation of this service, and where it stores: settings, for no code can know them."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from shared.contract import Body, EmailAddress

Written = Annotated[str, Field(min_length=1, max_length=300)]


class Controller(Body):
    """The controller in the sense of GDPR 4(7), as documents name it."""

    name: Written
    postal_address: Written
    privacy_contact: EmailAddress
    data_protection_officer: Written | None = None
    """Name or address of the data protection officer, where there is one."""
    website: Annotated[str, Field(pattern=r"^https://\S{1,200}$")] | None = None


@dataclass(frozen=True, slots=True)
class Installation:
    """What a document says of this installation and of no other."""

    controller: Controller
    storage_place: str
    """Cloud provider and region, as in "Microsoft Azure, Spain Central (Madrid)"."""
