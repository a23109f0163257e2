"""The inbox: one's own notifications, newest first, in one's own language."""

import pytest

from export_user_data import inbox
from export_user_data.contract import Notifications
from register_device.contract.account import AppInstallation
from register_device.installations import register_installation
from shared.callers import Resident
from shared.cosmos import Container, Database
from shared.errors import Problem
from shared.notifications import notify
from shared.people import own_record
from tests.conftest import SettableClock
from tests.people import IDENTITY_KEY

pytestmark = pytest.mark.wire


@pytest.fixture
async def people(database: Database, clock: SettableClock) -> Container:
    for person in ("maria", "jordi"):
        caller = Resident(person, f"{person}@resident.example", "identity key")
        await own_record(caller, database=database, now=clock())
    return database["people"]


async def tell(people: Container, clock: SettableClock, subject: str = "a case", person: str = "maria") -> str:
    return await notify(person, "support_case_closed", subject, {"until": clock()}, people=people, now=clock())


async def register(database: Database, clock: SettableClock, token: str, locale: str) -> None:
    body = AppInstallation.model_validate(
        {"token": token, "os": "ios", "osVersion": "26", "appVersion": "5", "locale": locale}
    )
    await register_installation("maria", body, database=database, key=IDENTITY_KEY, now=clock())


def subjects(page: Notifications) -> list[str]:
    return [notification.subject_id for notification in page.notifications]


async def test_a_notification_says_what_and_when(people: Container, clock: SettableClock) -> None:
    """It is there at once; the mail may take longer."""
    told = await tell(people, clock)
    [notification] = (await inbox.page("maria", None, people=people)).notifications
    assert notification.notification_id == told
    assert (notification.kind, notification.subject_id) == ("support_case_closed", "a case")
    assert notification.subject == "A support case was closed"
    assert clock().strftime("%Y-%m-%d %H:%M UTC") in notification.text
    assert (notification.created_at, notification.read_at) == (clock(), None)


async def test_pages_follow_each_other_and_leave_nothing_out(
    people: Container, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Newest first, whatever comes in meanwhile."""
    monkeypatch.setattr(inbox, "PAGE_LENGTH", 3)
    for number in range(7):
        await tell(people, clock, str(number))
        clock.forward(seconds=1)
    first = await inbox.page("maria", None, people=people)
    assert subjects(first) == ["6", "5", "4"]
    await tell(people, clock, "new")
    second = await inbox.page("maria", first.cursor, people=people)
    assert subjects(second) == ["3", "2", "1"]
    third = await inbox.page("maria", second.cursor, people=people)
    assert (subjects(third), third.cursor) == (["0"], None)


async def test_a_full_last_page_has_no_cursor(
    people: Container, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody asks for an empty one."""
    monkeypatch.setattr(inbox, "PAGE_LENGTH", 2)
    for number in range(2):
        await tell(people, clock, str(number))
        clock.forward(seconds=1)
    page = await inbox.page("maria", None, people=people)
    assert (len(page.notifications), page.cursor) == (2, None)


async def test_what_happened_at_one_moment_is_on_one_page(
    people: Container, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cursor is a time: it must not divide what has the same."""
    monkeypatch.setattr(inbox, "PAGE_LENGTH", 2)
    await tell(people, clock, "before")
    clock.forward(seconds=1)
    for number in range(4):
        await tell(people, clock, f"at once {number}")
    first = await inbox.page("maria", None, people=people)
    assert sorted(subjects(first)) == [f"at once {number}" for number in range(4)]
    assert subjects(await inbox.page("maria", first.cursor, people=people)) == ["before"]


@pytest.mark.parametrize("cursor", ["", "yesterday", "2026-11-22", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+14:00"])
async def test_a_cursor_of_somebody_elses_making_is_refused(people: Container, cursor: str) -> None:
    """By its code."""
    with pytest.raises(Problem, match="cursor_invalid"):
        await inbox.page("maria", cursor, people=people)


async def test_everyone_sees_their_own(people: Container, clock: SettableClock) -> None:
    """And can mark nothing else as read: somebody else's is as one that never was."""
    told = await tell(people, clock)
    assert subjects(await inbox.page("jordi", None, people=people)) == []
    for person, notification_id in (("jordi", told), ("maria", "0" * 32)):
        with pytest.raises(Problem, match="notification_unknown"):
            await inbox.mark_read(person, notification_id, people=people, now=clock())


async def test_it_is_read_once(people: Container, clock: SettableClock) -> None:
    """The first time counts."""
    told = await tell(people, clock)
    first = await inbox.mark_read("maria", told, people=people, now=clock())
    assert first.read_at == clock()
    clock.forward(hours=1)
    again = await inbox.mark_read("maria", told, people=people, now=clock())
    [listed] = (await inbox.page("maria", None, people=people)).notifications
    assert again.read_at == listed.read_at == first.read_at


async def test_reading_does_not_keep_the_mail(people: Container, clock: SettableClock) -> None:
    """It is due as before."""
    told = await tell(people, clock)
    await inbox.mark_read("maria", told, people=people, now=clock())
    item = await people.read("maria", f"notification:{told}")
    assert item is not None
    assert item["mail"] == "pending"
    assert item["nextAttemptAt"] <= item["readAt"]


async def test_the_language_is_that_of_the_newest_app(
    people: Container, database: Database, clock: SettableClock
) -> None:
    """Of now, also for what was told before."""
    await tell(people, clock)
    await register(database, clock, "old phone", "en-GB")
    clock.forward(days=1)
    await register(database, clock, "new phone", "es-ES")
    [notification] = (await inbox.page("maria", None, people=people)).notifications
    assert notification.subject == "Se ha cerrado un caso de soporte"
    clock.forward(days=1)
    await register(database, clock, "old phone", "en-GB")
    [notification] = (await inbox.page("maria", None, people=people)).notifications
    assert notification.subject == "A support case was closed"
