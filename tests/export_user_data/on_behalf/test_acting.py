"""Rights carried out by staff: the same becomes of the data, and the ledger says who did it."""

import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from export_user_data.consents import consents, objections
from export_user_data.consents.age import attest_under_14
from export_user_data.consents.contract import Consenting
from export_user_data.consents.recording import By
from export_user_data.on_behalf.correcting import WARNINGS_TRIED
from export_user_data.rectification.contract import InteractionEntry, InteractionText
from export_user_data.rectification.corrections import region_correction
from export_user_data.rectification.interactions import enter_interaction, rectify_interaction
from shared import consent_texts
from shared.callers import Role, Staff
from shared.clock import text
from shared.cosmos import Item, declared
from shared.errors import Problem
from shared.injection import Point
from shared.rectifying import rectify
from shared.templates import Language
from tests.export_user_data.on_behalf.conftest import REQUEST, Clerk, said
from tests.hosts import cut_off
from tests.means import blocked_in
from tests.people import IDENTITY_KEY

pytestmark = pytest.mark.wire

_ONLY_OF_STAFF = ("channel", "enteredBy")
_OURS = {"acted_for_you"}

Doing = Callable[[], Awaitable[object]]


async def neighbours(clerk: Clerk) -> tuple[str, str]:
    """Maria, who uses the app, and Jordi, who writes letters; both with a monitor."""
    house = clerk.hosts.house
    found = []
    for name, serial in (("maria", "VEO-000001"), ("jordi", "VEO-000002")):
        person = await clerk.hosts.sign_in(name)
        await house.pair(person.person_id, serial, model="VEO-XS WIFI", region="ES")
        found.append(person.person_id)
    return found[0], found[1]


async def device_of(clerk: Clerk, person_id: str) -> str:
    [link] = await clerk.items(person_id, "link")
    return str(link["deviceId"])


async def state(clerk: Clerk, person_id: str) -> Counter[str]:
    """All that lies with a person and under their ownership, with ids, times and the staff's own fields taken out."""
    [link] = await clerk.items(person_id, "link")
    lies_in = [("people", person_id), ("telemetry", link["ownershipId"]), ("devices", link["deviceId"])]
    items = [
        item
        for container, partition in lies_in
        async for item in clerk.database[container].query("SELECT * FROM c", partition=partition)
        if item.get("template") not in _OURS
    ]
    return Counter(_anonymous(item) for item in items)


def _anonymous(item: Item) -> str:
    kept = {name: value for name, value in declared(item).items() if name not in _ONLY_OF_STAFF}
    written = json.dumps(kept, sort_keys=True)
    written = re.sub(r"[0-9a-f]{32,64}", "id", written)
    written = re.sub(r"\d{4}-\d\d-\d\dT[0-9:.]+(Z|\+00:00)", "time", written)
    return re.sub(r"VEO-00000\d|maria@|jordi@", "name", written)


async def same_state(clerk: Clerk, maria: str, jordi: str) -> None:
    assert await state(clerk, jordi) == await state(clerk, maria)


async def test_an_objection_by_letter_is_one(clerk: Clerk) -> None:
    """Of one monitor and of all, and taken back: as if it had been said in the app."""
    maria, jordi = await neighbours(clerk)
    device = await device_of(clerk, jordi)
    await objections.object_to_statistics(
        By(maria), await device_of(clerk, maria), stores=clerk.stores, now=clerk.clock()
    )
    await clerk.object(jordi, deviceId=device)
    await same_state(clerk, maria, jordi)
    clerk.clock.forward(minutes=1)
    await objections.withdraw_objection(By(maria), None, stores=clerk.stores, now=clerk.clock())
    await clerk.object(jordi, objected=False)
    await same_state(clerk, maria, jordi)
    entries = await clerk.items(jordi, "objection")
    assert {(entry["channel"], entry["enteredBy"], entry["by"]) for entry in entries} == {
        ("letter", clerk.staff_id, "person")
    }
    assert await clerk.recorded(jordi) == [
        ("acted_for_person", "staff:privacy"),
        ("objection_recorded", "staff:privacy"),
        ("acted_for_person", "staff:privacy"),
        ("objection_withdrawn", "staff:privacy"),
    ]
    assert Counter(await clerk.told(jordi)) == {
        "acted_for_you": 2,
        "objection_recorded": 1,
        "objection_withdrawn": 1,
    }


async def test_the_ledger_says_why_and_how_staff_were_asked(clerk: Clerk) -> None:
    """Under the id of the request that it is part of; its entry lies before that of what was done."""
    _, jordi = await neighbours(clerk)
    acted = await clerk.object(jordi, requestId=REQUEST, channel="walk_in")
    first = (await clerk.chain(jordi))[0]
    assert (first["action"], first["requestId"], first["actor"]) == ("acted_for_person", REQUEST, clerk.staff_id)
    assert first["details"] == {
        "actId": acted.act_id,
        "right": "objection",
        "channel": "walk_in",
        "purpose": "rights_request",
    }


def present() -> dict[str, str]:
    notice = consent_texts.present("usage_statistics", Language.SPANISH)
    return {"noticeVersion": notice.version, "noticeHash": notice.sha256}


async def test_a_consent_on_paper_is_one(clerk: Clerk) -> None:
    """With version and hash of the text that was signed; withdrawn it is in any way, and without a text."""
    maria, jordi = await neighbours(clerk)
    given = Consenting.model_validate({"given": True} | present())
    await consents.choose(By(maria), "usage_statistics", given, stores=clerk.stores, now=clerk.clock())
    await clerk.consent(jordi, given=True, **present())
    await same_state(clerk, maria, jordi)
    clerk.clock.forward(minutes=1)
    withdrawn = Consenting.model_validate({"given": False} | present())
    await consents.choose(By(maria), "usage_statistics", withdrawn, stores=clerk.stores, now=clerk.clock())
    await clerk.consent(jordi, given=False, channel="call")
    await same_state(clerk, maria, jordi)
    assert [action for action, _ in await clerk.recorded(jordi)] == [
        "acted_for_person",
        "consent_given",
        "acted_for_person",
        "consent_withdrawn",
    ]
    assert {actor for _, actor in await clerk.recorded(jordi)} == {"staff:privacy"}


@pytest.mark.parametrize("channel", ["call", "email"])
async def test_a_consent_without_a_paper_is_none(clerk: Clerk, channel: str) -> None:
    """It must be provable; the person gives it in the app, or signs."""
    _, jordi = await neighbours(clerk)
    with pytest.raises(Problem, match="field_out_of_range"):
        await clerk.consent(jordi, given=True, channel=channel, **present())
    assert await clerk.recorded(jordi) == []


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"given": True}, "field_missing"),
        ({"given": True, "noticeVersion": "1"}, "field_missing"),
        ({"given": True, "noticeVersion": "0", "noticeHash": "0" * 64}, "consent_text_outdated"),
        ({"given": False, "purpose_of": "marketing"}, "purpose_unknown"),
    ],
)
async def test_a_consent_is_to_a_text(clerk: Clerk, asked: dict[str, Any], code: str) -> None:
    """That of the paper, word for word, and to a purpose that there is."""
    _, jordi = await neighbours(clerk)
    purpose = asked.pop("purpose_of", "usage_statistics")
    with pytest.raises(Problem, match=code):
        await clerk.consent(jordi, purpose, **asked)


async def test_a_region_is_corrected_as_by_its_owner(clerk: Clerk) -> None:
    """The old value is blocked, the person told, and the ledger says that staff did it."""
    maria, jordi = await neighbours(clerk)
    correction = await region_correction(maria, await device_of(clerk, maria), "PT", means=clerk.means)
    await rectify(maria, correction, means=clerk.means, now=clerk.clock())
    await clerk.correct(jordi, field="region", deviceId=await device_of(clerk, jordi), region="PT")
    await same_state(clerk, maria, jordi)
    assert [one["region"] for one in await blocked_in(clerk.means.vault)] == ["ES", "ES"]
    assert ("data_rectified", "staff:privacy") in await clerk.recorded(jordi)
    assert ("data_rectified", "person") in await clerk.recorded(maria)


async def entered(clerk: Clerk, **who: str) -> str:
    body = {
        "purpose": "other",
        "channel": "sales",
        "subject": "offer",
        "at": text(clerk.clock()),
        "text": "An offer for two monitors.",
    }
    seller = Staff("8" * 32, frozenset({Role.SALES}))
    entry = said(InteractionEntry, body | who)
    kept = await enter_interaction(seller, entry, database=clerk.database, identity_key=IDENTITY_KEY, now=clerk.clock())
    return kept.interaction_id


async def test_what_somebody_told_sales_is_corrected_without_an_account(clerk: Clerk) -> None:
    """As who has one corrects it in the app."""
    maria, _ = await neighbours(clerk)
    of_maria = await entered(clerk, deviceId=await device_of(clerk, maria))
    other = InteractionText(text="An offer for three monitors.")
    await rectify_interaction(maria, of_maria, other, means=clerk.means, now=clerk.clock())
    lead = await clerk.lead()
    of_lead = await entered(clerk, email="ana@personal.example")
    await clerk.correct(lead, field="interaction", interactionId=of_lead, text=other.text)
    for kind in ("interaction", "rectification"):
        [by_app], [by_letter] = await clerk.items(maria, kind), await clerk.items(lead, kind)
        assert _anonymous(by_letter) == _anonymous(by_app)
    [record] = await clerk.items(lead, "rectification")
    assert (record["channel"], record["enteredBy"]) == ("letter", clerk.staff_id)
    assert "channel" not in (await clerk.items(maria, "rectification"))[0]
    with pytest.raises(Problem, match="interaction_unknown"):
        await clerk.correct(lead, field="interaction", interactionId=of_maria, text="Mine.")


async def test_the_address_of_who_has_no_account_is_corrected(clerk: Clerk) -> None:
    """And is what they are found by from then on; that of an account follows its sign-in alone."""
    lead = await clerk.lead()
    await clerk.correct(lead, field="email", email="Ana@New.example")
    [found] = (await clerk.find(email="ana@new.example")).people
    assert found.person_id == lead
    with pytest.raises(Problem, match="person_unknown"):
        await clerk.find(email="ana@personal.example")
    [person] = await clerk.items(lead, "person")
    assert person["email"] == "ana@new.example"
    with pytest.raises(Problem, match="address_follows_sign_in"):
        await clerk.correct((await clerk.hosts.sign_in("maria")).person_id, field="email", email="m@new.example")


async def test_a_guest_has_no_say_about_the_device(clerk: Clerk) -> None:
    """By letter as little as in the app; what is theirs is theirs."""
    owner = await clerk.hosts.move_in("maria")
    guest = await clerk.hosts.sign_in("ana")
    await clerk.hosts.accept(guest, await clerk.hosts.invited(owner, "ana"))
    device = clerk.hosts.device_id
    with pytest.raises(Problem, match="device_not_yours"):
        await clerk.object(guest.person_id, deviceId=device)
    with pytest.raises(Problem, match="device_not_yours"):
        await clerk.correct(guest.person_id, field="region", deviceId=device, region="PT")
    await clerk.object(guest.person_id)
    assert len(await clerk.items(guest.person_id, "objection")) == 1


async def test_a_former_owner_objects_for_their_period(clerk: Clerk) -> None:
    """And the present owner's choices stay as they are."""
    former = await clerk.hosts.move_in("jordi")
    clerk.clock.forward(days=1)
    owner = await clerk.hosts.move_in("maria")
    await clerk.object(former.person_id, deviceId=clerk.hosts.device_id)
    assert len(await clerk.items(former.person_id, "objection")) == 1
    assert await clerk.items(owner.person_id, "objection") == []
    assert await clerk.recorded(owner.person_id) == []


async def test_nobody_acts_for_who_is_not_there(clerk: Clerk) -> None:
    """Whatever is asked for; and nothing is stored."""
    nobody = "0" * 32
    doings: list[Doing] = [
        lambda: clerk.object(nobody),
        lambda: clerk.consent(nobody, given=False),
        lambda: clerk.correct(nobody, field="email", email="x@personal.example"),
        lambda: clerk.order(nobody),
        lambda: clerk.plan(nobody, scope="person"),
    ]
    for doing in doings:
        with pytest.raises(Problem, match="person_unknown"):
            await doing()
    for container in ("people", "jobs", "ledger"):
        assert [item async for item in clerk.database[container].query("SELECT * FROM c")] == []


@pytest.mark.parametrize("point", ["on_behalf.recorded", "on_behalf.ordered", "choices.followed"])
async def test_what_was_cut_off_is_done_once_when_it_is_said_again(clerk: Clerk, point: Point) -> None:
    """Under the same request: one act in the ledger, one entry, one word to the person."""
    _, jordi = await neighbours(clerk)
    await cut_off(point, clerk.object(jordi, requestId=REQUEST))
    await clerk.object(jordi, requestId=REQUEST)
    await clerk.object(jordi, requestId=REQUEST)
    assert [action for action, _ in await clerk.recorded(jordi)] == ["acted_for_person", "objection_recorded"]
    assert len(await clerk.items(jordi, "objection")) == 1
    assert sorted(await clerk.told(jordi)) == ["acted_for_you", "objection_recorded"]


@pytest.mark.parametrize(
    "point", ["on_behalf.recorded", "on_behalf.warned", "rectification.begun", "on_behalf.ordered"]
)
async def test_a_correction_that_was_cut_off_is_completed(clerk: Clerk, point: Point) -> None:
    """By saying it again."""
    lead = await clerk.lead()
    asked = {"field": "email", "email": "ana@new.example", "requestId": REQUEST}
    await cut_off(point, clerk.correct(lead, **asked))
    await clerk.correct(lead, **asked)
    by_staff = [action for action, actor in await clerk.recorded(lead) if actor == "staff:privacy"]
    assert by_staff == ["acted_for_person", "data_rectified"]
    assert sorted(await clerk.told(lead)) == ["acted_for_you", "address_moving", "data_rectified"]
    assert [mail.recipients for mail in clerk.hosts.sink.messages] == [("ana@personal.example",)]


async def test_a_former_address_is_told_before_it_is_one(clerk: Clerk) -> None:
    """Somebody else may have written the letter. An address that takes no mail may be what is wrong with it."""
    lead = await clerk.lead()
    clerk.hosts.sink.refuse_next(WARNINGS_TRIED)
    asked = {"field": "email", "email": "ana@new.example", "requestId": REQUEST}
    for _ in range(WARNINGS_TRIED - 1):
        with pytest.raises(Problem, match="busy"):
            await clerk.correct(lead, **asked)
        [person] = await clerk.items(lead, "person")
        assert person["email"] == "ana@personal.example"
        clerk.clock.forward(hours=1)
    await clerk.correct(lead, **asked)
    [person] = await clerk.items(lead, "person")
    assert person["email"] == "ana@new.example"
    await clerk.correct(await clerk.lead("otto@personal.example"), field="email", email="otto@new.example")
    [mail] = clerk.hosts.sink.messages
    assert (mail.recipients, mail.parsed["Subject"]) == (
        ("otto@personal.example",),
        "Your e-mail address with us is being changed",
    )


async def test_a_minor_consents_by_letter_as_little_as_in_the_app(clerk: Clerk) -> None:
    """And withdraws what they like."""
    nora = await clerk.hosts.sign_in("nora")
    await attest_under_14(
        nora, "pilar@resident.example", stores=clerk.stores, identity_key=IDENTITY_KEY, now=clerk.clock()
    )
    with pytest.raises(Problem, match="guardian_needed"):
        await clerk.consent(nora.person_id, given=True, **present())
    with pytest.raises(Problem, match="guardian_needed"):
        await clerk.object(nora.person_id, objected=False)
    await clerk.object(nora.person_id)
    assert len(await clerk.items(nora.person_id, "objection")) == 1
