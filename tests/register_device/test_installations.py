"""App installations: many per account, and a phone rings for one account at a time."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from export_user_data.erasure.finding import identifiers
from register_device import offers
from register_device.contract.account import AppInstallation
from register_device.contract.offers import AppOffer
from register_device.installations import (
    INSTALLATIONS_LIMIT,
    list_installations,
    refresh_installation,
    register_installation,
    remove_installation,
)
from shared import ledger
from shared.callers import Resident
from shared.cosmos import Database, Item
from shared.errors import Problem
from shared.gate import Erased
from shared.injection import Point, listening
from shared.people import own_record
from tests.conftest import SettableClock
from tests.doubles import changed
from tests.people import IDENTITY_KEY

pytestmark = pytest.mark.wire

PAYLOADS = {path.stem: path.read_text() for path in (Path(__file__).parent.parent / "payloads").glob("apptoken_*")}
POINTS = [point for point in get_args(Point) if point.startswith(("installation.", "push_address."))]


class Phones:
    """Maria and Jordi, and what their phones say."""

    def __init__(self, database: Database, clock: SettableClock) -> None:
        self.database = database
        self.clock = clock

    async def move_in(self, *people: str) -> "Phones":
        for person in people:
            caller = Resident(person, f"{person}@resident.example", "identity key")
            await own_record(caller, database=self.database, now=self.clock())
        return self

    async def register(self, person: str, token: str, **said: Any) -> str:
        item, _ = await register_installation(
            person, body(token, **said), database=self.database, key=IDENTITY_KEY, now=self.clock()
        )
        return str(item["installationId"])

    async def refresh(self, person: str, installation_id: str, token: str, **said: Any) -> Item:
        return await refresh_installation(
            person, installation_id, body(token, **said), database=self.database, key=IDENTITY_KEY, now=self.clock()
        )

    async def remove(self, person: str, installation_id: str) -> None:
        await remove_installation(person, installation_id, database=self.database, key=IDENTITY_KEY, now=self.clock())

    async def of(self, person: str) -> list[Item]:
        query = "SELECT * FROM c WHERE c.type = 'appInstallation'"
        return [item async for item in self.database["people"].query(query, partition=person)]

    async def rings(self, token: str) -> list[str]:
        """Whose active installations hold a token, in all accounts."""
        query = "SELECT * FROM c WHERE c.type = 'appInstallation' AND c.pushToken = @token AND c.active"
        return [item["personId"] async for item in self.database["people"].query(query, {"token": token})]

    async def look_ups(self) -> list[tuple[str, str]]:
        """Whose look-ups there are, settled and not."""
        query = "SELECT * FROM c WHERE c.type = 'pushAddress'"
        found = [item async for item in self.database["identities"].query(query)]
        return sorted((item["personId"], item.get("formerPersonId", "")) for item in found)

    async def told_by_the_ledger(self, person: str) -> list[str]:
        subject = await ledger.subject_of(person, people=self.database["people"])
        return [item["action"] async for item in self.database["ledger"].query(ledger.CHAIN, partition=subject)]


def body(token: str, **said: Any) -> AppInstallation:
    return AppInstallation.model_validate(
        {"token": token, "os": "iOS", "osVersion": "26.2", "appVersion": "4.2.5", "locale": "es", **said}
    )


@pytest.fixture
async def phones(database: Database, clock: SettableClock) -> Phones:
    return await Phones(database, clock).move_in("maria", "jordi")


@pytest.mark.parametrize("payload", ["apptoken_request_android_2023", "apptoken_request_ios_2026"])
async def test_what_the_real_app_says_is_taken(phones: Phones, payload: str) -> None:
    """The apps in the field, old and new, are registered as they are."""
    said = AppInstallation.model_validate_json(PAYLOADS[payload])
    _, is_new = await register_installation(
        "maria", said, database=phones.database, key=IDENTITY_KEY, now=phones.clock()
    )
    assert is_new
    assert await phones.rings("<FCM_TOKEN>") == ["maria"]


async def test_installations_are_listed_without_their_addresses(phones: Phones) -> None:
    """The last used first, with the update that is on offer for each system."""
    await offers.offer_app(AppOffer(os="ios", version="4.3"), offers=phones.database["offers"], now=phones.clock())
    await phones.register("maria", "secret tablet", country="ES", subdivision="ES-V")
    phones.clock.forward(minutes=1)
    await phones.register("maria", "secret phone", os="Android", apns={"token": "secret apns"})
    phone, tablet = await list_installations("maria", database=phones.database)
    assert (phone.os, phone.update.state, phone.country) == ("Android", "unknown", None)
    assert (tablet.update.state, tablet.update.version) == ("available", "4.3")
    assert (tablet.country, tablet.subdivision) == ("ES", "ES-V")
    assert "secret" not in phone.model_dump_json() + tablet.model_dump_json()


async def test_an_offer_is_read_once_for_all_phones_of_a_system(
    phones: Phones, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many of them there are."""
    for number in range(3):
        await phones.register("maria", f"tablet {number}")
    await phones.register("maria", "phone", os="Android")
    container, asked = phones.database["offers"], list[str]()
    read = container.read

    async def counted(partition: str, item_id: str) -> Item | None:
        asked.append(item_id)
        return await read(partition, item_id)

    monkeypatch.setattr(container, "read", counted)
    assert len(await list_installations("maria", database=phones.database)) == 4
    assert len(asked) == len(set(asked)) == 2


@pytest.mark.parametrize(
    "said",
    [
        {"country": "Spain"},
        {"country": "es"},
        {"subdivision": "ES-V"},
        {"country": "FR", "subdivision": "ES-V"},
        {"country": "ES", "subdivision": "ES-Valencia"},
        {"latitude": 39.47},
    ],
)
def test_a_closer_location_is_refused(said: dict[str, Any]) -> None:
    """A country and its province, and nothing that finds a house."""
    with pytest.raises(ValidationError):
        body("token", **said)


async def test_a_refreshed_installation_is_the_same(phones: Phones) -> None:
    """By its id, or by registering the same token again."""
    known = await phones.register("maria", "token")
    phones.clock.forward(days=1)
    item = await phones.refresh("maria", known, "token", appVersion="4.3")
    assert (item["appVersion"], item["installationId"]) == ("4.3", known)
    assert item["registeredAt"] < item["updatedAt"]
    assert await phones.register("maria", "token") == known
    assert len(await phones.of("maria")) == 1


async def test_a_replaced_token_is_forgotten(phones: Phones) -> None:
    """The installation stays the same, under the new token too."""
    known = await phones.register("maria", "old token")
    await phones.refresh("maria", known, "new token")
    assert (await phones.rings("old token"), await phones.rings("new token")) == ([], ["maria"])
    assert await phones.look_ups() == [("maria", "")]
    assert await phones.register("maria", "new token") == known
    stored = str([item async for item in phones.database["people"].query("SELECT * FROM c")])
    assert "old token" not in stored


async def test_an_unknown_installation_is_not_refreshed(phones: Phones) -> None:
    """Nor somebody else's."""
    of_maria = await phones.register("maria", "token")
    for installation_id in (of_maria, "0" * 32):
        with pytest.raises(Problem, match="installation_unknown"):
            await phones.refresh("jordi", installation_id, "other token")
    assert await phones.look_ups() == [("maria", "")]


async def test_a_phone_that_changed_hands_rings_for_its_new_account_alone(phones: Phones) -> None:
    """The former account's installation stays, silent; its person's ledger says why."""
    await phones.register("maria", "token", apns={"token": "apns"})
    phones.clock.forward(days=1)
    await phones.register("jordi", "token")
    assert await phones.rings("token") == ["jordi"]
    [former] = await phones.of("maria")
    assert not former["active"]
    assert [name for name in ("pushToken", "apnsToken", "apnsSandbox") if name in former] == []
    assert await phones.look_ups() == [("jordi", "")]
    assert await phones.told_by_the_ledger("maria") == ["push_address_lost"]
    assert await phones.told_by_the_ledger("jordi") == []


async def test_a_phone_may_come_back(phones: Phones) -> None:
    """And each loss is in the ledger of who lost it."""
    for person in ("maria", "jordi", "maria", "jordi", "jordi"):
        phones.clock.forward(days=1)
        await phones.register(person, "token")
    assert await phones.rings("token") == ["jordi"]
    assert await phones.told_by_the_ledger("maria") == ["push_address_lost"] * 2


async def test_two_installations_of_one_account_may_swap_a_token(phones: Phones) -> None:
    """The one that says it last has it."""
    tablet, phone = await phones.register("maria", "first"), await phones.register("maria", "second")
    await phones.refresh("maria", tablet, "second")
    active = {item["installationId"]: item["active"] for item in await phones.of("maria")}
    assert active == {tablet: True, phone: False}


@pytest.mark.parametrize("others", [2, 5])
async def test_accounts_that_register_one_token_at_once_leave_one_holder(phones: Phones, others: int) -> None:
    """Whoever comes last, in whatever order their steps fall."""
    people = [f"person {number}" for number in range(others)]
    await phones.move_in(*people)
    await phones.register("maria", "token")
    await asyncio.gather(*(phones.register(person, "token") for person in people))
    [holder] = await phones.rings("token")
    assert await phones.look_ups() == [(holder, "")]


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("first", ["maria", "jordi"])
async def test_a_takeover_in_the_middle_of_a_registration_wins(phones: Phones, point: Point, first: str) -> None:
    """Another account registers the token while a registration is held at any of its steps."""
    await phones.register(first, "token")
    await phones.move_in("third")

    async def overtake(at: Point) -> None:
        if at == point:
            with listening(nothing):
                await phones.register("third", "token")

    with listening(overtake):
        await phones.register("maria", "token")
    holders = await phones.rings("token")
    assert len(holders) == 1
    assert await phones.look_ups() == [(holders[0], "")]


async def nothing(_point: Point) -> None:
    """Nobody listens."""


async def cut_off(work: Callable[[], Awaitable[Any]], point: Point) -> bool:
    """Do something that is killed at a point; whether it got there."""

    async def die(at: Point) -> None:
        if at == point:
            raise KeyboardInterrupt

    try:
        with listening(die):
            await work()
    except KeyboardInterrupt:
        return True
    return False


@pytest.mark.parametrize("point", POINTS)
async def test_a_takeover_that_was_cut_off_is_completed_by_a_repeat(phones: Phones, point: Point) -> None:
    """At any of its steps, with a token that was replaced in the same breath."""
    await phones.register("maria", "token")
    of_jordi = await phones.register("jordi", "his old token")

    async def take_over() -> None:
        await phones.refresh("jordi", of_jordi, "token")

    assert await cut_off(take_over, point) == (
        point not in {"installation.founded", "installation.silenced", "installation.released"}
    )
    await take_over()
    assert (await phones.rings("token"), await phones.rings("his old token")) == (["jordi"], [])
    assert await phones.look_ups() == [("jordi", "")]
    assert await phones.told_by_the_ledger("maria") == ["push_address_lost"]


@pytest.mark.parametrize("point", POINTS)
async def test_what_was_cut_off_is_completed_by_the_next_account_too(phones: Phones, point: Point) -> None:
    """Nobody rings beside the one who came last, though who was cut off never comes again."""
    await phones.move_in("third")
    await phones.register("maria", "token")
    await cut_off(lambda: phones.register("jordi", "token"), point)
    await phones.register("third", "token")
    assert await phones.rings("token") == ["third"]
    assert await phones.look_ups() == [("third", "")]


async def test_at_most_twenty_installations(phones: Phones) -> None:
    """Those that are there can be refreshed and removed, and then there is room again."""
    known = [await phones.register("maria", f"token {number}") for number in range(INSTALLATIONS_LIMIT)]
    with pytest.raises(Problem, match="installations_too_many"):
        await phones.register("maria", "one more")
    assert await phones.register("maria", "token 0") == known[0]
    await phones.remove("maria", known[1])
    await phones.register("maria", "one more")
    assert len(await phones.of("maria")) == INSTALLATIONS_LIMIT


async def test_two_last_installations_at_once_are_one(phones: Phones) -> None:
    """Of those that come at the same time each counts the other."""
    for number in range(INSTALLATIONS_LIMIT - 1):
        await phones.register("maria", f"token {number}")
    ends = await asyncio.gather(
        *(phones.register("maria", f"late {number}") for number in range(3)), return_exceptions=True
    )
    assert [end.code for end in ends if isinstance(end, Problem)] == ["installations_too_many"] * 2
    assert len(await phones.of("maria")) == INSTALLATIONS_LIMIT


async def test_a_removed_installation_leaves_nothing(phones: Phones) -> None:
    """Neither item nor look-up; a repeat finds nothing to do, and a new registration begins anew."""
    known = await phones.register("maria", "token")
    for _ in range(2):
        await phones.remove("maria", known)
    assert (await phones.of("maria"), await phones.look_ups()) == ([], [])
    assert await phones.told_by_the_ledger("maria") == ["installation_removed"]
    await phones.register("maria", "token")
    assert await phones.rings("token") == ["maria"]


async def test_somebody_elses_installation_is_not_removed(phones: Phones) -> None:
    """As if there were none of that id."""
    await phones.remove("jordi", await phones.register("maria", "token"))
    assert await phones.rings("token") == ["maria"]


@pytest.mark.parametrize("point", ["installation.silenced", "installation.released"])
async def test_a_removal_that_was_cut_off_is_completed_by_a_repeat(phones: Phones, point: Point) -> None:
    """It does not ring from the first step on."""
    known = await phones.register("maria", "token")
    assert await cut_off(lambda: phones.remove("maria", known), point)
    assert await phones.rings("token") == []
    await phones.remove("maria", known)
    assert (await phones.of("maria"), await phones.look_ups()) == ([], [])


@pytest.mark.parametrize("point", POINTS)
async def test_an_installation_that_is_removed_while_it_is_refreshed_is_gone(phones: Phones, point: Point) -> None:
    """No look-up stays behind that an erasure would not find."""
    known = await phones.register("maria", "token")

    async def remove(at: Point) -> None:
        if at == point:
            with listening(nothing):
                await phones.remove("maria", known)

    with listening(remove), suppress(Problem):
        await phones.refresh("maria", known, "new token")
    assert len(await phones.look_ups()) == len(await phones.of("maria"))


@pytest.mark.parametrize("point", ["installation.founded", "installation.addressed"])
async def test_a_person_who_is_erased_meanwhile_keeps_no_address(phones: Phones, point: Point) -> None:
    """The look-up that was just made goes again."""

    async def erase(at: Point) -> None:
        if at == point:
            await changed(phones.database["people"], "maria", lambda policy: replace(policy, tombstone=True))

    with listening(erase), pytest.raises(Erased):
        await phones.register("maria", "token")
    assert await phones.rings("token") == []
    assert await phones.look_ups() == []


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("token", ["new token", "his token"])
async def test_an_erasure_reaches_the_look_ups(phones: Phones, point: Point, token: str) -> None:
    """Of every address that the person's phones have, however far a refresh got; and nobody else's."""
    known = await phones.register("maria", "token")
    await phones.register("jordi", "his token")
    await cut_off(lambda: phones.refresh("maria", known, token), point)
    found = await identifiers({"scope": "person", "personId": "maria"}, database=phones.database)
    query = "SELECT * FROM c WHERE c.type = 'pushAddress'"
    look_ups = [item async for item in phones.database["identities"].query(query)]
    assert {item["id"] for item in look_ups if item["personId"] == "maria"} <= set(found["pushKeys"])
