"""The inbox: what a person was told, rendered when they read it, in the language that their app has then."""

from datetime import datetime
from typing import Final

from export_user_data.contract import Notification, Notifications
from shared import clock
from shared.cosmos import Container, Item
from shared.errors import Problem
from shared.notifications import change, item_id, language_for
from shared.templates import Language, rendered

PAGE_LENGTH: Final = 20
_NEWEST: Final = "9999"
"""Later than any written time."""


async def page(person_id: str, cursor: str | None, *, people: Container) -> Notifications:
    """A page of the person's notifications, newest first.

    The cursor is the time of the last one on a page: what was made at the same moment is never divided, so a page may
    be a little longer than the usual length.

    Raises:
        Problem: cursor_invalid.
    """
    query = "SELECT * FROM c WHERE c.type = 'notification' AND c.createdAt < @before ORDER BY c.createdAt DESC"
    items: list[Item] = []
    has_more = False
    async for item in people.query(query, {"before": _before(cursor)}, partition=person_id):
        if len(items) >= PAGE_LENGTH and item["createdAt"] != items[-1]["createdAt"]:
            has_more = True
            break
        items.append(item)
    language = await language_for(person_id, people=people)
    return Notifications(
        notifications=[_view(item, language) for item in items],
        cursor=items[-1]["createdAt"] if has_more else None,
    )


def _before(cursor: str | None) -> str:
    if cursor is None:
        return _NEWEST
    try:
        return clock.text(clock.moment(cursor))
    except (ValueError, OverflowError):  # the year 1 with an offset is before all time
        raise Problem("cursor_invalid") from None


async def mark_read(person_id: str, notification_id: str, *, people: Container, now: datetime) -> Notification:
    """Keep when the person had read it; reading it again changes nothing.

    Raises:
        Problem: notification_unknown, also when it is somebody else's.
    """
    item = await people.read(person_id, item_id(notification_id))
    if item is not None and "readAt" not in item:
        item = await change(item, people=people, now=now, readAt=clock.text(now))
    if item is None:
        raise Problem("notification_unknown")
    return _view(item, await language_for(person_id, people=people))


def _view(item: Item, language: Language) -> Notification:
    text = rendered(item["template"], item["parameters"], language)
    return Notification(
        notification_id=item["notificationId"],
        kind=item["template"],
        subject_id=item["subjectId"],
        subject=text.subject,
        text=text.body,
        created_at=clock.moment(item["createdAt"]),
        read_at=clock.moment(item["readAt"]) if "readAt" in item else None,
    )
