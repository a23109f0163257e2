"""Claims: who may redeem one, how often, and until when."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from register_device.claims import CLAIM_LIFE, TRIES, Claim, issue_claim, redeem_claim
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


async def test_a_typed_code_is_as_good_as_the_qr_code(database: Database, clock: SettableClock) -> None:
    """The same claim: whichever the monitor is given first, and then again."""
    issued = await issue_claim("maria", claims=database["claims"], identity_key=IDENTITY_KEY, now=clock())
    by_code = await redeemed(issued.code, database, clock)
    by_scan = await redeemed(issued.claim, database, clock)
    assert by_code == by_scan
    assert by_code.person_id == "maria"


@pytest.mark.parametrize(
    "written", [str.lower, lambda code: code.replace("-", " "), lambda code: code.replace("-", "")]
)
async def test_a_code_is_understood_as_people_type_it(
    database: Database, clock: SettableClock, written: Callable[[str], str]
) -> None:
    """In small letters, with a space or nothing where the dash is."""
    issued = await issue_claim("maria", claims=database["claims"], identity_key=IDENTITY_KEY, now=clock())
    assert (await redeemed(written(issued.code), database, clock)).person_id == "maria"


async def test_a_code_holds_40_bits_and_no_letter_that_is_taken_for_another(
    database: Database, clock: SettableClock
) -> None:
    """It is made of 32 characters, and eight of them."""
    codes = [
        (await issue_claim("maria", claims=database["claims"], identity_key=IDENTITY_KEY, now=clock())).code
        for _ in range(50)
    ]
    assert all(re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}", one) for one in codes)
    assert len(set(codes)) == 50


async def test_neither_secret_nor_code_is_stored(database: Database, clock: SettableClock) -> None:
    """Who reads the database can redeem nothing."""
    issued = await issue_claim("maria", claims=database["claims"], identity_key=IDENTITY_KEY, now=clock())
    stored = json.dumps([item async for item in database["claims"].query("SELECT * FROM c")])
    assert issued.claim.partition(".")[2] not in stored
    assert issued.code not in stored
    assert issued.code.replace("-", "") not in stored


@pytest.mark.parametrize("guess", ["0000-0000", f"{'0' * 32}.guess"])
async def test_a_monitor_has_a_few_tries(database: Database, clock: SettableClock, guess: str) -> None:
    """Then it waits, also with a right code: a guesser does not learn which one was right."""
    for _ in range(TRIES):
        assert await code(redeemed(guess, database, clock)) == "claim_unknown"
    issued = await issue_claim("maria", claims=database["claims"], identity_key=IDENTITY_KEY, now=clock())
    for shown in (issued.code, guess):
        with pytest.raises(Problem, match="claim_tries_used_up") as refused:
            await redeemed(shown, database, clock)
        assert 0 < (refused.value.retry_after_s or 0) <= 601
    clock.forward(minutes=10)
    issued = await issue_claim("maria", claims=database["claims"], identity_key=IDENTITY_KEY, now=clock())
    assert (await redeemed(issued.code, database, clock)).person_id == "maria"


async def test_who_mistypes_a_code_may_still_scan(database: Database, clock: SettableClock) -> None:
    """The QR code cannot be guessed; nor does it wait to show again what one's own code has paired."""
    issued = await issue_claim("maria", claims=database["claims"], identity_key=IDENTITY_KEY, now=clock())
    first = await redeemed(issued.code, database, clock)
    for _ in range(TRIES):
        assert await code(redeemed("0000-0000", database, clock)) == "claim_unknown"
    assert await redeemed(issued.code, database, clock) == first
    other = await issue_claim("maria", claims=database["claims"], identity_key=IDENTITY_KEY, now=clock())
    assert (await redeemed(other.claim, database, clock)).person_id == "maria"


async def test_guesses_at_once_get_no_more_tries(database: Database, clock: SettableClock) -> None:
    """Each is counted before it is looked up."""
    guesses = [redeemed(f"0000-{number:04}", database, clock) for number in range(30)]
    results = await asyncio.gather(*guesses, return_exceptions=True)
    codes = [result.code for result in results if isinstance(result, Problem)]
    assert len(codes) == 30
    assert codes.count("claim_unknown") == TRIES


async def test_a_right_code_buys_no_more_guesses(database: Database, clock: SettableClock) -> None:
    """Who has an account can make right codes; only the try of the right one is given back."""
    for number in range(TRIES):
        issued = await issue_claim("mallory", claims=database["claims"], identity_key=IDENTITY_KEY, now=clock())
        await redeemed(issued.code, database, clock)
        assert await code(redeemed(f"0000-{number:04}", database, clock)) == "claim_unknown"
    assert await code(redeemed("0000-9999", database, clock)) == "claim_tries_used_up"


async def test_a_lost_answer_can_be_asked_for_as_often_as_it_is_lost(database: Database, clock: SettableClock) -> None:
    """A right code costs no try."""
    issued = await issue_claim("maria", claims=database["claims"], identity_key=IDENTITY_KEY, now=clock())
    claims = [await redeemed(issued.code, database, clock) for _ in range(TRIES + 2)]
    assert len(set(claims)) == 1


async def redeemed(shown: str, database: Database, clock: SettableClock) -> Claim:
    return await redeem_claim(shown, "monitor", claims=database["claims"], identity_key=IDENTITY_KEY, now=clock())
