"""Consents: to a text that was shown, one call each way, kept as they were said, and nothing without them."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from register_device.contract.account import AppInstallation
from register_device.contract.monitors import DeviceAccess
from register_device.installations import register_installation
from shared import consent_texts, statistics
from shared.choices import is_consented
from shared.consent_texts import FOLDER, consent_text
from shared.cosmos import declared
from shared.data_map import Category
from shared.data_map.choices import COLLECTING, PURPOSES, Purpose
from shared.gate import load_policy
from shared.injection import Point
from shared.templates import Language
from tests.export_user_data.consents.chooser import CHOICE_POINTS, Choosing, cut, refused
from tests.people import IDENTITY_KEY
from tests.register_device.ownership_steps import decided, disputed

pytestmark = pytest.mark.wire

HASHES = json.loads(Path(__file__).with_name("text_hashes.json").read_text())
EVERY = [
    (purpose, version, language)
    for purpose, declared_as in PURPOSES.items()
    for version in declared_as.versions
    for language in Language
]


async def paired_in_germany(house: Choosing, person_id: str = "maria") -> DeviceAccess:
    access, _ = await house.register(await house.claim(person_id, country="DE"))
    return access


async def phone_in(house: Choosing, locale: str, country: str) -> None:
    await house.move_in("maria")
    said = {"token": locale, "os": "Android", "osVersion": "15", "appVersion": "4.1", "locale": locale}
    app = AppInstallation.model_validate(said | {"country": country})
    await register_installation("maria", app, database=house.database, key=IDENTITY_KEY, now=house.clock())


async def test_where_it_needs_consent_nothing_is_collected_without(house: Choosing) -> None:
    """From the registration on; and from the consent on it is."""
    access = await paired_in_germany(house)
    assert access.categories == []
    assert (await house.consents())["usage_statistics"].needed_for == [access.device_id]
    assert await house.store(await house.event(access)) == (0, {"category_not_open": 1})
    house.clock.forward(minutes=10)
    await house.consent(given=True)
    assert await house.collected(access) == ["usage"]
    house.clock.forward(minutes=10)
    assert await house.store(await house.event(access, minutes=15)) == (0, {"category_not_open": 1})
    assert await house.store(await house.event(access, minutes=5)) == (1, {})


async def test_a_withdrawal_stops_at_once_what_rests_on_it(house: Choosing) -> None:
    """One call, as giving it; a live token with the policy of before stores nothing more, and figures are without."""
    house.clock.now = house.clock.now.replace(hour=1, minute=40)
    access = await paired_in_germany(house)
    await house.consent(given=True)
    before = await house.policy(access)
    house.clock.forward(days=1)
    await house.store(await house.event(access, hours=20))
    day = house.clock().date() - timedelta(days=1)
    await statistics.start_due(database=house.database, hub=house.hub, now=house.clock())
    await house.compute()
    assert await house.counted(day) == 1
    await house.consent(given=False)
    await house.compute()
    assert await house.counted(day) == 0
    for late in (0, 30):
        assert await house.store(await house.event(access, before, minutes=late)) == (0, {"category_not_open": 1})


async def test_elsewhere_it_changes_nothing(house: Choosing) -> None:
    """Where use is collected without it, unless somebody objects."""
    access = await house.pair("maria", region="ES-V")
    assert (await house.consents())["usage_statistics"].needed_for == []
    for given in (True, False):
        house.clock.forward(minutes=1)
        await house.consent(given=given)
        assert await house.collected(access) == ["usage"]


async def test_an_objection_is_above_a_consent(house: Choosing) -> None:
    """Whichever came first; each is taken back by itself."""
    access = await paired_in_germany(house)
    await house.object()
    await house.consent(given=True)
    assert await house.collected(access) == []
    house.clock.forward(minutes=1)
    await house.withdraw()
    assert await house.collected(access) == ["usage"]
    house.clock.forward(minutes=1)
    await house.consent(given=False)
    assert await house.collected(access) == []


async def test_the_history_proves_what_was_shown(house: Choosing) -> None:
    """Who, purpose, version and hash of the text, channel, time and country; entries are only added."""
    await phone_in(house, "es-ES", "ES")
    seen: list[dict[str, Any]] = []
    for given in (True, True, False, False, True):
        house.clock.forward(minutes=1)
        shown = (await house.consent(given=given)).consents[0]
        assert shown.given is given
        entries = sorted(await house.items("consent"), key=lambda item: str(item["at"]))
        assert [declared(item) for item in entries][: len(seen)] == seen
        seen = [declared(item) for item in entries]
    spanish = consent_text("usage_statistics", "1", Language.SPANISH)
    assert [entry["given"] for entry in seen] == [True, False, True]
    told = ("purpose", "noticeVersion", "noticeHash", "channel", "by", "country", "personId")
    assert {tuple(entry[name] for name in told) for entry in seen} == {
        ("usage_statistics", "1", spanish.sha256, "app", "person", "ES", "maria")
    }
    assert await house.said() == [
        ("consent_given", "person"),
        ("consent_withdrawn", "person"),
        ("consent_given", "person"),
    ]
    shown = (await house.consents())["usage_statistics"]
    assert (shown.notice.language, shown.notice.text) == ("es", spanish.written)
    assert [(entry.given, entry.notice_hash) for entry in shown.history] == [
        (entry["given"], spanish.sha256) for entry in seen
    ]


async def test_each_purpose_is_by_itself(house: Choosing) -> None:
    """One consent is no other; whoever needs one asks the person's gate."""
    await house.move_in("maria")
    text = consent_texts.present("interactions", Language.ENGLISH)
    await house.consent(given=True, purpose="interactions", changes={"noticeHash": text.sha256})
    policy = await load_policy(house.database["people"], "maria")
    assert [is_consented(purpose, policy) for purpose in ("interactions", "usage_statistics")] == [True, False]
    assert not is_consented("interactions", replace(policy, tombstone=True))


async def test_another_text_than_the_present_one_is_not_consented_to(house: Choosing) -> None:
    """Another hash, another version, or the text of another purpose; nothing is kept of it."""
    await house.move_in("maria")
    other = consent_texts.present("interactions", Language.ENGLISH).sha256
    for changes in ({"noticeHash": "0" * 64}, {"noticeVersion": "0"}, {"noticeVersion": "2"}, {"noticeHash": other}):
        assert await refused(house.consent(given=True, changes=changes)) == "consent_text_outdated"
        assert await refused(house.consent(given=False, changes=changes)) == "consent_text_outdated"
    assert await refused(house.consent(given=True, purpose="everything")) == "purpose_unknown"
    assert await house.items("consent") == []


async def test_a_new_text_is_consented_to_anew_and_left_with_the_old_one(
    house: Choosing, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An old consent stands meanwhile; nobody has to read the new text to withdraw it."""
    await house.move_in("maria")
    old = consent_texts.present("usage_statistics", Language.ENGLISH)
    await house.consent(given=True)
    for path in FOLDER.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    for language in Language:
        (tmp_path / f"usage_statistics.2.{language.value}.txt").write_text(f"Another text, {language.value}.")
    monkeypatch.setattr(consent_texts, "FOLDER", tmp_path)
    newer: Purpose = replace(PURPOSES["usage_statistics"], versions=("1", "2"))
    monkeypatch.setitem(PURPOSES, "usage_statistics", newer)
    as_before = {"noticeVersion": "1", "noticeHash": old.sha256}
    assert (await house.consents())["usage_statistics"].given
    assert await refused(house.consent(given=True, changes=as_before)) == "consent_text_outdated"
    for _ in range(2):
        house.clock.forward(minutes=1)
        await house.consent(given=True)
    house.clock.forward(minutes=1)
    await house.consent(given=False, changes=as_before)
    history = (await house.consents())["usage_statistics"].history
    assert [(entry.given, entry.notice_version) for entry in history] == [(True, "1"), (True, "2"), (False, "1")]


@pytest.mark.parametrize("point", CHOICE_POINTS)
async def test_a_withdrawal_cut_off_anywhere_takes_effect(house: Choosing, point: Point) -> None:
    """By its repeat or by the timer, once."""
    access = await paired_in_germany(house)
    await house.consent(given=True)
    house.clock.forward(minutes=1)
    await cut(house.consent(given=False), point)
    assert await house.repair() == {"settled": 1}
    assert await house.collected(access) == []
    await house.consent(given=False)
    assert [entry["given"] for entry in await house.items("consent")].count(False) == 1
    assert [action for action, _ in await house.said()] == ["consent_given", "consent_withdrawn"]


async def test_simultaneous_answers_end_in_one_that_everything_follows(house: Choosing) -> None:
    """Ten taps at once: what the gate of the monitor does is what the list says."""
    access = await paired_in_germany(house)
    await asyncio.gather(*(house.consent(given=number % 2 == 0) for number in range(10)))
    await house.repair()
    given = (await house.consents())["usage_statistics"].given
    assert await house.collected(access) == (["usage"] if given else [])


async def test_a_reversed_takeover_asks_for_the_same_consent(house: Choosing) -> None:
    """What a person chose is theirs: their new period follows it, and that of somebody else does not."""
    await paired_in_germany(house)
    await house.consent(given=True)
    house.clock.forward(minutes=1)
    other = await paired_in_germany(house, "jordi")
    assert await house.collected(other) == []
    house.clock.forward(minutes=1)
    dispute = await disputed(house)
    await decided(house, dispute, "reversed")
    device = await house.database["devices"].read(other.device_id, "device")
    assert device is not None
    again = await load_policy(house.database["telemetry"], device["ownershipId"])
    assert again.open_at(house.clock()) == ["usage"]
    await house.consent(given=False)
    again = await load_policy(house.database["telemetry"], device["ownershipId"])
    assert again.open_at(house.clock()) == []


@pytest.mark.parametrize(("purpose", "version", "language"), EVERY)
def test_a_text_that_was_published_stays_as_it_is(purpose: str, version: str, language: Language) -> None:
    """Entries name its hash. Other words are another version: add one, and its hashes to text_hashes.json."""
    assert HASHES[f"{purpose}.{version}.{language.value}"] == consent_text(purpose, version, language).sha256


def test_every_text_is_of_a_declared_version() -> None:
    """And none that was ever published is missing."""
    names = {f"{purpose}.{version}.{language.value}" for purpose, version, language in EVERY}
    assert {path.name.removesuffix(".txt") for path in FOLDER.iterdir()} == names == set(HASHES)


def test_what_is_collected_by_default_rests_on_a_declared_purpose() -> None:
    """Of its own category; and every country is one."""
    for category, rule in COLLECTING.items():
        assert PURPOSES[rule.purpose].category is category is Category.USAGE
        assert all(len(country) == 2 and country.isupper() for country in rule.in_countries)
