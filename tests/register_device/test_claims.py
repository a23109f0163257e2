"""Claims: who may redeem one, how often, and until when."""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta

import pytest

from register_device.claims import CLAIM_LIFE, Claim, issue_claim, redeem_claim
from shared import data_map
from shared.cosmos import Database
from shared.errors import Problem
from tests.conftest import SettableClock
from tests.people import IDENTITY_KEY

pytestmark = pytest.mark.wire


async def code(redeeming: Awaitable[Claim]) -> str:
    with pytest.raises(Problem) as caught:
        await redeeming
    return caught.value.code


async def test_a_claim_names_the_person_who_asked_for_it(database: Database, clock: SettableClock) -> None:
    """The monitor need not know whose account it is paired with."""
    issued = await issue_claim("maria", claims=database["claims"], identity_key=IDENTITY_KEY, now=clock())
    claim = await redeem_claim(
        issued.claim, "monitor", claims=database["claims"], identity_key=IDENTITY_KEY, now=clock()
    )
    assert claim.person_id == "maria"


async def test_the_same_monitor_may_show_its_claim_again(database: Database, clock: SettableClock) -> None:
    """A lost answer can be asked for again, also after the claim's ten minutes, and means the same ownership."""
    issued = await issue_claim("maria", claims=database["claims"], identity_key=IDENTITY_KEY, now=clock())
    first = await redeem_claim(
        issued.claim, "monitor", claims=database["claims"], identity_key=IDENTITY_KEY, now=clock()
    )
    clock.forward(hours=1)
    assert (
        await redeem_claim(issued.claim, "monitor", claims=database["claims"], identity_key=IDENTITY_KEY, now=clock())
        == first
    )


async def test_a_claim_that_is_used_is_kept_no_longer(database: Database, clock: SettableClock) -> None:
    """Its day counts from when it was asked for, and not anew from when it was used."""
    issued = await issue_claim("maria", claims=database["claims"], identity_key=IDENTITY_KEY, now=clock())
    clock.forward(minutes=5)
    await redeem_claim(issued.claim, "monitor", claims=database["claims"], identity_key=IDENTITY_KEY, now=clock())
    stored = await database["claims"].read(issued.claim_id, issued.claim_id)
    assert stored is not None
    assert stored["ttl"] == (data_map.retention("claims", "claim") - timedelta(minutes=5)).total_seconds()


async def test_another_monitor_may_not_use_it(database: Database, clock: SettableClock) -> None:
    """A claim pairs one monitor."""
    issued = await issue_claim("maria", claims=database["claims"], identity_key=IDENTITY_KEY, now=clock())
    await redeem_claim(issued.claim, "monitor", claims=database["claims"], identity_key=IDENTITY_KEY, now=clock())
    again = redeem_claim(
        issued.claim, "other monitor", claims=database["claims"], identity_key=IDENTITY_KEY, now=clock()
    )
    assert await code(again) == "claim_used"


async def test_of_many_monitors_at_once_one_gets_it(database: Database, clock: SettableClock) -> None:
    """The first to bind it wins; the others are told it is used."""
    issued = await issue_claim("maria", claims=database["claims"], identity_key=IDENTITY_KEY, now=clock())
    tries = [
        redeem_claim(
            issued.claim, f"monitor {number}", claims=database["claims"], identity_key=IDENTITY_KEY, now=clock()
        )
        for number in range(20)
    ]
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(result, Claim) for result in results) == 1
    assert {result.code for result in results if isinstance(result, Problem)} == {"claim_used"}


async def test_a_claim_expires(database: Database, clock: SettableClock) -> None:
    """A photograph of the QR code is worthless after ten minutes."""
    issued = await issue_claim("maria", claims=database["claims"], identity_key=IDENTITY_KEY, now=clock())
    clock.now += CLAIM_LIFE
    assert (
        await code(
            redeem_claim(issued.claim, "monitor", claims=database["claims"], identity_key=IDENTITY_KEY, now=clock())
        )
        == "claim_expired"
    )


@pytest.mark.parametrize("shown", ["", ".", "nothing", "0123456789abcdef0123456789abcdef.secret", "../claims/x.y"])
async def test_what_was_never_issued_is_unknown(database: Database, clock: SettableClock, shown: str) -> None:
    """Guesses of any shape get the same answer."""
    assert (
        await code(redeem_claim(shown, "monitor", claims=database["claims"], identity_key=IDENTITY_KEY, now=clock()))
        == "claim_unknown"
    )


async def test_a_wrong_secret_is_unknown(database: Database, clock: SettableClock) -> None:
    """The id of a claim is worth nothing without its secret."""
    issued = await issue_claim("maria", claims=database["claims"], identity_key=IDENTITY_KEY, now=clock())
    guess = redeem_claim(
        f"{issued.claim_id}.guess", "monitor", claims=database["claims"], identity_key=IDENTITY_KEY, now=clock()
    )
    assert await code(guess) == "claim_unknown"


async def test_the_secret_is_not_stored(database: Database, clock: SettableClock) -> None:
    """Who reads the database cannot pair a monitor."""
    issued = await issue_claim("maria", claims=database["claims"], identity_key=IDENTITY_KEY, now=clock())
    stored = await database["claims"].read(issued.claim_id, issued.claim_id)
    assert issued.claim.partition(".")[2] not in str(stored)
