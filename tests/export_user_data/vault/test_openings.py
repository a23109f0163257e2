"""A case is opened by two, for a ground, for a quarter of an hour, and each look is in the ledger."""

import json
from collections.abc import Awaitable

import pytest

from shared.blobs import VAULT, VAULT_KEYS
from shared.cosmos import declared
from shared.errors import Problem
from shared.injection import Point
from shared.vault.store import CASE_ITEM
from tests.export_user_data.vault.conftest import ANA, BEN, EVA, Desk
from tests.vaults import killed_at

pytestmark = pytest.mark.wire


async def refused(doing: Awaitable[object]) -> str:
    with pytest.raises(Problem) as caught:
        await doing
    return caught.value.code


async def test_two_open_a_case_and_both_read_it(desk: Desk) -> None:
    """Part by part, as it was stored; question, agreement and every look are in the case's chain."""
    case_id = await desk.block("3.2.1", "4.0.0")
    asked = await desk.ask(case_id)
    assert (asked.state, asked.asked_by, asked.reference) == ("asked", ANA, "46250-42-1-2026-0001234")
    agreed = await desk.approve(case_id, asked.opening_id)
    assert (agreed.state, agreed.approved_by) == ("open", BEN)
    first = await desk.read(case_id, asked.opening_id)
    second = await desk.read(case_id, asked.opening_id, part=1, staff_id=BEN)
    assert json.loads(first[1]) == {"part": 1}
    lines = [json.loads(line) for line in (first[0], *second)]
    assert [(line["container"], line["item"]["version"]) for line in lines] == [
        ("devices", "3.2.1"),
        ("devices", "4.0.0"),
    ]
    assert await desk.read(case_id, asked.opening_id, part=2) == []
    assert await desk.chain(case_id) == [
        ("vault_opening_asked", ANA),
        ("vault_opening_approved", BEN),
        ("vault_read", ANA),
        ("vault_read", BEN),
        ("vault_read", ANA),
    ]


async def test_nobody_opens_a_case_alone(desk: Desk) -> None:
    """Who asks cannot agree, and without agreement nothing is read, nor recorded as read."""
    case_id = await desk.block("3.2.1")
    opening_id = (await desk.ask(case_id)).opening_id
    assert await refused(desk.approve(case_id, opening_id, staff_id=ANA)) == "second_person_needed"
    assert await refused(desk.read(case_id, opening_id)) == "vault_opening_not_approved"
    assert [action for action, _ in await desk.chain(case_id)] == ["vault_opening_asked"]


async def test_a_third_does_not_read_along(desk: Desk) -> None:
    """But opens it with somebody, by themselves."""
    case_id = await desk.block("3.2.1")
    opening_id = await desk.opened(case_id)
    assert await refused(desk.read(case_id, opening_id, staff_id=EVA)) == "vault_opening_not_yours"


async def test_an_opening_ends_by_itself(desk: Desk) -> None:
    """A question after seven days, an agreement after a quarter of an hour."""
    case_id = await desk.block("3.2.1")
    opening_id = await desk.opened(case_id)
    desk.clock.forward(minutes=15)
    assert await refused(desk.read(case_id, opening_id)) == "vault_opening_over"
    assert await refused(desk.approve(case_id, opening_id, staff_id=EVA)) == "vault_opening_over"
    asked = await desk.ask(case_id)
    assert asked.opening_id != opening_id
    desk.clock.forward(days=7)
    assert await refused(desk.approve(case_id, asked.opening_id)) == "vault_opening_over"
    assert await refused(desk.read(case_id, asked.opening_id)) == "vault_opening_over"


async def test_asking_and_agreeing_again_change_nothing(desk: Desk) -> None:
    """A repeat is answered with what there is; the life of an opening is not prolonged."""
    case_id = await desk.block("3.2.1")
    asked = await desk.ask(case_id)
    assert await desk.ask(case_id) == asked
    assert (await desk.ask(case_id, staff_id=BEN)).opening_id != asked.opening_id
    agreed = await desk.approve(case_id, asked.opening_id)
    desk.clock.forward(minutes=5)
    assert await desk.approve(case_id, asked.opening_id) == agreed
    assert await desk.approve(case_id, asked.opening_id, staff_id=EVA) == agreed


@pytest.mark.parametrize("point", ["vault.asked", "vault.approved"])
async def test_the_ledger_knows_first(desk: Desk, point: Point) -> None:
    """What was cut off behind it is done again, and an agreement is told once."""
    case_id = await desk.block("3.2.1")
    opening_id = "" if point == "vault.asked" else (await desk.ask(case_id)).opening_id

    async def doing() -> object:
        return await (desk.approve(case_id, opening_id) if opening_id else desk.ask(case_id))

    assert await killed_at(point, doing)
    told = len(await desk.chain(case_id))
    await doing()
    assert len(await desk.chain(case_id)) == told + (point == "vault.asked")


async def test_what_is_not_there_is_said(desk: Desk) -> None:
    """No case, no opening of it, or another case's."""
    case_id = await desk.block("3.2.1")
    other = await desk.block("3.2.1", request_id="c" * 32)
    opening_id = await desk.opened(other)
    assert await refused(desk.ask("0" * 32)) == "vault_case_unknown"
    assert await refused(desk.approve(case_id, opening_id)) == "vault_opening_unknown"
    assert await refused(desk.read(case_id, opening_id)) == "vault_opening_unknown"


@pytest.mark.parametrize("place", ["body", "body gone", "key of the case", "key of the month"])
async def test_what_was_changed_is_not_shown(desk: Desk, place: str, caplog: pytest.LogCaptureFixture) -> None:
    """It is refused with an alarm, and not guessed; that somebody looked is in the ledger."""
    case_id = await desk.block("3.2.1")
    opening_id = await desk.opened(case_id)
    vault = desk.vault
    case = await vault.cases.read(case_id, CASE_ITEM)
    assert case is not None
    name = f"{case['keyMonth']}/{case_id}/3.2.1"
    body = await vault.blobs.read(VAULT, name)
    assert body is not None
    if place == "body":
        await vault.blobs.write(VAULT, name, body[:-1] + bytes([body[-1] ^ 1]))
    elif place == "body gone":
        await vault.blobs.delete(VAULT, name)
    elif place == "key of the case":
        await vault.cases.replace(declared(case) | {"wrappedKey": "AAAA"}, case["_etag"])
    else:
        await vault.blobs.write(VAULT_KEYS, case["keyMonth"], b"changed")
    assert await refused(desk.read(case_id, opening_id)) == "vault_damaged"
    assert "ALARM vault_damaged" in caplog.text
    assert (await desk.chain(case_id))[-1] == ("vault_read", ANA)


async def test_a_case_without_its_months_key_is_none(desk: Desk) -> None:
    """The key is deleted first, and the case a moment later."""
    case_id = await desk.block("3.2.1")
    opening_id = await desk.opened(case_id)
    [month] = [month async for month in desk.vault.months()]
    await desk.vault.blobs.delete(VAULT_KEYS, month)
    assert await refused(desk.read(case_id, opening_id)) == "vault_case_unknown"
