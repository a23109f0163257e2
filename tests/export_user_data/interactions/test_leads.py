"""Who told us something and has no account: told that they are known, and with every right once they sign in."""

import json

import pytest

from export_user_data.access.pages import data_page
from export_user_data.rectification.contract import InteractionEntry, InteractionText
from export_user_data.rectification.interactions import enter_interaction, list_interactions, rectify_interaction
from export_user_data.walk import held_about, shown
from local.mail import MailSink
from shared.clock import text
from shared.data_map import Category
from shared.notifications import deliver_due
from shared.rectifying import Means
from tests.export_user_data.erasure.conftest import household, sink, tools
from tests.export_user_data.erasure.household import Household
from tests.export_user_data.interactions.conftest import Desk
from tests.export_user_data.rectification.conftest import SELLER
from tests.means import blocked_in
from tests.people import IDENTITY_KEY

__all__ = ["household", "sink", "tools"]

pytestmark = pytest.mark.wire

ADDRESS = "lea@resident.example"
WORDS = "Is there a monitor for two doors?"


async def told_us(household: Household, words: str = WORDS) -> str:
    clock = household.hosts.clock
    said = {"purpose": "other", "channel": "website", "subject": "question", "at": text(clock()), "text": words}
    entry = InteractionEntry.model_validate_json(json.dumps(said | {"email": ADDRESS}))
    entered = await enter_interaction(
        SELLER, entry, database=household.database, identity_key=IDENTITY_KEY, now=clock()
    )
    return entered.person_id


async def test_who_has_no_account_is_told_once_by_mail(household: Household, sink: MailSink) -> None:
    """That they are known, since when, why, and what they can do about it (GDPR 14)."""
    person_id = await told_us(household)
    await told_us(household, "And how much is it?")
    people, hosts = household.database["people"], household.hosts
    assert [kind for kind, _ in await hosts.house.told(person_id)] == ["contact_kept"]
    assert await deliver_due(people=people, mailer=hosts.mailer, now=hosts.clock) == {"sent": 1}
    [received] = sink.messages
    assert received.recipients == (ADDRESS,)
    assert "AEPD" in received.parsed.get_content()


async def test_who_has_an_account_is_not_told_of_what_they_see(desk: Desk) -> None:
    """It is in their app."""
    jordi = await desk.office.hosts.sign_in("jordi")
    await desk.office.enter(email="jordi@resident.example")
    assert await desk.office.told(jordi, "contact_kept") == 0


async def test_a_lead_who_signs_in_has_every_right_to_what_they_told_us(household: Household) -> None:
    """They see it live and in the export, correct it, and erase it; what is erased is blocked."""
    person_id = await told_us(household)
    lea = await household.hosts.sign_in("lea")
    assert lea.person_id == person_id
    page = await data_page(person_id, Category.INTERACTIONS, None, database=household.database, key=IDENTITY_KEY)
    [live] = page.items
    assert (live.fields["text"], live.fields["basis"]) == (WORDS, "contract")
    walked = [one async for one in held_about(person_id, database=household.database)]
    assert live.fields in [shown(one) for one in walked if one.record_name == "interaction"]
    tools, clock = household.tools, household.hosts.clock
    means = Means(database=tools.database, vault=tools.vault, webhooks=tools.webhooks, identity_key=IDENTITY_KEY)
    corrected = InteractionText(text="Is there one for three doors?")
    await rectify_interaction(person_id, live.fields["interactionId"], corrected, means=means, now=clock())
    [one] = (await list_interactions(person_id, people=tools.database["people"])).interactions
    assert one.text == corrected.text
    clock.forward(minutes=1)
    erased = await household.erased(lea, scope="category", category="interactions")
    assert (await list_interactions(person_id, people=tools.database["people"])).interactions == []
    assert erased["held"] == {"people/interaction": 1}
    assert sorted(one["text"] for one in await blocked_in(tools.vault) if "text" in one) == sorted(
        [WORDS, corrected.text]
    )


async def test_a_lead_is_erased_as_a_whole(household: Household) -> None:
    """Nothing tells of them afterwards: not the address, not its key, not what they said."""
    person_id = await told_us(household)
    lea = await household.hosts.sign_in("lea")
    assert lea.contact_key is not None
    await household.erased(lea, scope="person")
    assert await household.mentions(ADDRESS, lea.contact_key, WORDS) == set()
    assert await household.mentions(person_id) <= {"people/gate"}
