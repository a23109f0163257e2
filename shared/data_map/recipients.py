"""Who else is given something of a person, what and why, and how they are told when it is changed here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from shared.data_map.vocabulary import Category

Notice = Literal["webhook", "person", "lapses", "in_place"]
"""How a recipient learns of a change: by a message that it acknowledges; from the person, since nobody else may change
it there; not at all, since what it has lapses by itself; or by the change itself, which is made in its own storage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """One recipient; the texts are shown to residents."""

    about: str
    role: Literal["processor", "controller"]
    """Whether it works on our behalf, or decides itself what it does with it."""
    given: Mapping[Category, str]
    """Of which categories it is given what."""
    why: str
    place: str
    notice: Notice
    told: str
    """What comes of a change there, and what the person has to do themselves, if anything."""


RECIPIENTS: Final[dict[str, Recipient]] = {
    "cloud_provider": Recipient(
        about="The cloud service provider on whose servers this service runs.",
        role="processor",
        given={
            Category.PERSON: "everything that is stored",
            Category.INTERACTIONS: "everything that is stored",
            Category.DEVICE: "everything that is stored",
            Category.USAGE: "everything that is stored",
            Category.APP: "everything that is stored",
            Category.PERFORMANCE: "everything that is stored",
        },
        why="It stores and computes for this service.",
        place="the region of the provider that this installation runs in",
        notice="in_place",
        told="The change is made on its servers. Its backups lapse after seven days.",
    ),
    "mail_server": Recipient(
        about="The mail server that takes the mails of this service.",
        role="processor",
        given={Category.PERSON: "the e-mail address, and the text of each mail"},
        why="It delivers what you are told by mail.",
        place="where the operator of this installation has its mail server",
        notice="lapses",
        told="It keeps nothing once a mail is delivered; what is corrected or erased here is not sent there any more.",
    ),
    "sign_in_provider": Recipient(
        about="The provider that you sign in with.",
        role="controller",
        given={Category.PERSON: "that you sign in here; it has the e-mail address from you"},
        why="It says who you are, so that this service needs no password of yours.",
        place="where that provider is",
        notice="person",
        told="Only you can change or close your account there. Do it in the account settings of the sign-in page; "
        "a changed address comes here when you sign in again and ask for its correction.",
    ),
    "push_services": Recipient(
        about="Google's and Apple's delivery of calls to phones.",
        role="controller",
        given={Category.APP: "the push address of the phone, and that it is called"},
        why="They alone can wake an app on a phone.",
        place="worldwide, operated from the United States",
        notice="lapses",
        told="The push address is forgotten here and never used again; there it lapses when it is not used. "
        "Removing the app from the phone ends it at once.",
    ),
    "website": Recipient(
        about="Who runs the forms of the maker's website.",
        role="processor",
        given={Category.INTERACTIONS: "what you wrote there, and your e-mail address"},
        why="It takes what you ask through the website.",
        place="where the maker runs its website",
        notice="webhook",
        told="It is told of every change, until it acknowledges it.",
    ),
    "sales_and_technicians": Recipient(
        about="The sales representatives and technicians whom you were in contact with.",
        role="controller",
        given={Category.INTERACTIONS: "what you told them, and your e-mail address"},
        why="They deal with what you ask of them.",
        place="where their company is",
        notice="webhook",
        told="They are told of every change, until they acknowledge it.",
    ),
}
"""Those that are told by a message are in use where the settings have an address of theirs."""

WEBHOOKS: Final = frozenset(name for name, recipient in RECIPIENTS.items() if recipient.notice == "webhook")
