"""An erasure takes away everything that is held, keeps what must be blocked, and can tell what it did."""

import json
from typing import Any

import jwt
import pytest

from export_user_data.erasure import requests
from export_user_data.erasure.plan import outside
from export_user_data.erasure.steps import GUARD
from shared import clock as clocks
from shared.blobs import EXPORTS, VAULT
from shared.callers import Resident
from shared.data_map import CATEGORIES, CONTAINERS
from shared.errors import Problem
from shared.gate import load_policy
from shared.ledger import subject_of
from shared.people import resident
from shared.sign_in import Identity
from tests.export_user_data.erasure.household import Household
from tests.people import IDENTITY_KEY

pytestmark = pytest.mark.wire

MAY_NAME = {"people/gate", "claims/claim"}
"""Where a random id of an erased person may stand: the tombstone, and what expires within a day."""


@pytest.fixture
async def maria(household: Household) -> Resident:
    return await household.live("maria", "VEO-000001")


@pytest.fixture
async def jordi(household: Household) -> Resident:
    return await household.live("jordi", "VEO-000002")


def claims_of(receipt: str) -> dict[str, Any]:
    return dict(jwt.decode(receipt, options={"verify_signature": False}))


async def test_nothing_is_left_of_a_person(household: Household, maria: Resident) -> None:
    """In no container, by whatever name; but a tombstone of random ids, and claims that are gone within a day."""
    link = household.homes["maria"].access
    item = await household.erased(maria, scope="person")
    names = [maria.person_id, "maria@resident.example", maria.identity_key, str(maria.contact_key), "maria-"]
    assert await household.mentions(*names) <= MAY_NAME
    assert await household.mentions(link.ownership_id) <= {
        "telemetry/gate",
        "claims/claim",
        "ledger/ledgerEntry",
        "ledger/ledgerStep",
    }
    stored = await household.stored()
    assert ("devices", "device") in stored, "the monitor stays, for whoever pairs it next"
    [device] = stored["devices", "device"]
    assert not {"ownerPersonId", "ownershipId", "firmwareVersion", "technical"} & device.keys()
    assert [name async for name in household.tools.blobs.names(EXPORTS, "")] == []
    assert item["held"]["telemetry/usageReadings"] == 1
    assert not {"identifiers", "places", "personId"} & item.keys()


async def test_everything_that_the_map_says_to_purge_is_reached(household: Household, maria: Resident) -> None:
    """Of each record that a person may have: the household has it, and the erasure counts or removes it."""
    before = await household.stored()
    await household.erased(maria, scope="person")
    after = await household.stored()
    purged = {
        (container, name)
        for container, definition in CONTAINERS.items()
        for name, record in definition.records.items()
        if record.erasure == "purge" and (container, name) in before
    }
    assert len(purged) > 15
    left = {(container, name) for container, name in purged if (container, name) in after}
    assert left == {("devices", "device")}


async def test_who_stays_keeps_everything(household: Household, maria: Resident, jordi: Resident) -> None:
    """The erasure of one changes no item of the other."""

    def of_jordi(stored: dict[tuple[str, str], list[dict[str, Any]]]) -> list[str]:
        ids = (jordi.person_id, household.homes["jordi"].access.ownership_id, household.homes["jordi"].access.device_id)
        return sorted(
            json.dumps(item, sort_keys=True)
            for items in stored.values()
            for item in items
            if any(name in json.dumps(item) for name in ids)
        )

    before = of_jordi(await household.stored())
    await household.erased(maria, scope="person")
    assert of_jordi(await household.stored()) == before
    assert len(before) > 10


async def test_a_guest_is_erased_without_the_host(household: Household, maria: Resident, jordi: Resident) -> None:
    """The host's place forgets who had it, and the host is told that the guest has left."""
    household.hosts.device_id = household.homes["maria"].access.device_id
    guest_id = await household.hosts.invited(maria, "jordi")
    await household.hosts.accept(jordi, guest_id)
    pau = await household.live("pau", "VEO-000003")
    household.hosts.device_id = household.homes["pau"].access.device_id
    await household.hosts.invited(pau, "jordi")
    await household.erased(jordi, scope="person")
    assert await household.mentions(jordi.person_id, "jordi@resident.example") <= MAY_NAME
    assert "guest_left" in await household.hosts.told(maria)
    stored = await household.stored()
    assert ("identities", "invitation") not in stored, "also one that nobody has answered"
    assert {place["state"] for place in stored["devices", "guest"]} == {"ended", "invited"}


async def test_the_guests_of_an_erased_owner_are_let_go(household: Household, maria: Resident, jordi: Resident) -> None:
    """They see the device no more, and are told."""
    household.hosts.device_id = household.homes["maria"].access.device_id
    await household.hosts.accept(jordi, await household.hosts.invited(maria, "jordi"))
    await household.erased(maria, scope="person")
    assert [one["role"] for one in await household.hosts.devices(jordi) if "until" not in one] == ["owner"]
    assert "guest_access_ended" in await household.hosts.told(jordi)


async def test_what_the_map_says_to_block_is_in_the_vault(household: Household, maria: Resident) -> None:
    """And nothing else: usage and performance are destroyed."""
    item = await household.erased(maria, scope="person")
    blocked = {one["category"]: one for one in claims_of(item["receipt"])["blocked"]}
    assert blocked.keys() == {name.value for name, rule in CATEGORIES.items() if rule.on_expiry == "block"} - {
        "interactions"
    }
    assert all(one["why"] and one["until"] for one in blocked.values())
    assert [name async for name in household.tools.blobs.names(VAULT, "")] != []


async def test_the_receipt_tells_what_was_done(household: Household, maria: Resident) -> None:
    """Signed; counts, dates, every place outside with its day; and nothing of whom it is about."""
    subject = await subject_of(maria.person_id, people=household.database["people"])
    asked = await household.asked(maria, scope="person")
    item = await household.until_erased(asked.erasure_id)
    keys = jwt.PyJWKSet.from_dict(household.tools.keys.public())
    receipt = jwt.decode(item["receipt"], keys.keys[0].key, algorithms=["ES256"], audience="blue-erasure-receipt")
    assert receipt["complete"] is False
    assert {one["place"] for one in receipt["outside"]} == {place.place for place in outside()}
    assert receipt["items"]["people/person"] == 1
    told = {one["recipient"]: one["state"] for one in receipt["recipients"]}
    assert (told["sign_in_provider"], told["push_services"], told["cloud_provider"]) == ("person", "lapses", "in_place")
    assert not any(name in json.dumps(receipt) for name in (maria.person_id, "maria", subject))
    narrowed, erased = clocks.moment(item["narrowedAt"]), clocks.moment(item["erasedAt"])
    assert erased - narrowed >= 2 * GUARD


async def test_the_receipt_is_complete_when_the_last_place_has_let_go(household: Household, maria: Resident) -> None:
    """And not a day before."""
    asked = await household.asked(maria, scope="person")
    item = await household.until_erased(asked.erasure_id)
    household.hosts.clock.now = clocks.moment(item["lapsesAt"])
    household.hosts.clock.forward(seconds=-1)
    assert await household.run(asked.erasure_id) == "nothing to do"
    household.hosts.clock.forward(seconds=1)
    assert await household.run(asked.erasure_id) == "done"
    item = await household.job(asked.erasure_id)
    assert claims_of(item["receipt"])["complete"] is True
    assert "ledgerSubject" not in item


async def test_a_receipt_waits_for_its_recipients(household: Household, maria: Resident) -> None:
    """One that was told and says nothing keeps it from being complete; what it was told is kept until it does."""
    asked = await household.asked(maria, scope="person")
    item = await household.until_erased(asked.erasure_id)
    notice = {
        "id": "notice:erasure:website",
        "type": "recipientNotice",
        "jobId": asked.erasure_id,
        "recipient": "website",
        "event": "erasure",
        "createdAt": item["erasedAt"],
        "state": "pending",
    }
    jobs = household.database["jobs"]
    await jobs.create(notice)
    household.hosts.clock.now = clocks.moment(item["lapsesAt"])
    assert await household.run(asked.erasure_id) == "waiting"
    stored = await jobs.read(asked.erasure_id, notice["id"])
    assert stored is not None
    await jobs.replace(notice | {"state": "acknowledged", "acknowledgedAt": item["lapsesAt"]}, stored["_etag"])
    household.hosts.clock.forward(days=1)
    assert await household.run(asked.erasure_id) == "done"


async def test_who_was_erased_asks_for_the_receipt_with_the_code(household: Household, maria: Resident) -> None:
    """Without an account; a wrong code and a wrong id are the same to whoever tries."""
    asked = await household.asked(maria, scope="person")
    await household.until_erased(asked.erasure_id)

    async def by(erasure_id: str, code: str) -> str:
        found = await requests.erasure_by_code(
            erasure_id, code, jobs=household.database["jobs"], identity_key=IDENTITY_KEY
        )
        return found.state

    assert await by(asked.erasure_id, str(asked.receipt_code)) == "erased"
    for erasure_id, code in ((asked.erasure_id, "0" * 32), ("0" * 32, str(asked.receipt_code))):
        with pytest.raises(Problem) as refused:
            await by(erasure_id, code)
        assert refused.value.code == "erasure_unknown"


async def test_the_last_mail_goes_to_the_address_that_is_forgotten(household: Household, maria: Resident) -> None:
    """In their language, when everything is gone; then the address is nowhere any more."""
    await household.erased(maria, scope="person")
    mails = [one.parsed for one in household.hosts.sink.messages if one.recipients == ("maria@resident.example",)]
    assert [mail["Subject"] for mail in mails] == ["Sus datos se han suprimido"]


async def test_a_mail_server_that_is_away_is_waited_for(household: Household, maria: Resident) -> None:
    """The address is kept until it takes the last mail, or has refused it for hours."""
    asked = await household.asked(maria, scope="person")
    household.hosts.sink.refuse_next(1)
    while "mailsTried" not in await household.job(asked.erasure_id):
        await household.run(asked.erasure_id)
    item = await household.job(asked.erasure_id)
    assert (item["mailsTried"], item["identifiers"]["email"]) == (1, "maria@resident.example")
    household.hosts.clock.forward(minutes=15)
    item = await household.until_erased(asked.erasure_id)
    assert (item["told"], "identifiers" in item) == (True, False)


async def test_an_address_that_takes_no_mail_is_forgotten_all_the_same(household: Household, maria: Resident) -> None:
    """The receipt says that nobody was told."""
    household.hosts.sink.refuse_next(1000)
    asked = await household.asked(maria, scope="person")
    for _ in range(20):
        await household.run(asked.erasure_id)
        household.hosts.clock.forward(minutes=15)
    item = await household.job(asked.erasure_id)
    assert (item["told"], claims_of(item["receipt"])["told"]) == (False, False)
    assert "people/person" not in await household.mentions("maria@resident.example")


async def test_who_returns_is_new(household: Household, maria: Resident) -> None:
    """The same sign-in makes another person, who has nothing."""
    await household.erased(maria, scope="person")
    identity = Identity("https://sign-in.example", "maria", "maria@resident.example", frozenset())
    again = await resident(
        identity, database=household.database, identity_key=IDENTITY_KEY, now=household.hosts.clock()
    )
    assert again.person_id != maria.person_id
    assert await household.hosts.devices(again) == []


async def test_the_ledger_keeps_a_chain_that_is_nobodys(household: Household, maria: Resident) -> None:
    """Every step of the erasure is in it; its subject is known nowhere but in the vault."""
    subject = await subject_of(maria.person_id, people=household.database["people"])
    asked = await household.asked(maria, scope="person")
    await household.until_erased(asked.erasure_id)
    entries = household.database["ledger"].query("SELECT * FROM c WHERE c.type = 'ledgerEntry'", partition=subject)
    actions = [entry["action"] async for entry in entries if entry["requestId"] == asked.erasure_id]
    assert actions == ["erasure_requested", "erasure_narrowed", "erasure_scanned"]
    assert await household.mentions(subject) <= {
        "ledger/ledgerEntry",
        "ledger/ledgerHead",
        "ledger/ledgerStep",
        "jobs/erasure",
    }


async def test_a_device_goes_with_its_periods(household: Household, maria: Resident) -> None:
    """It has no owner any more; the person stays, and finds what is blocked."""
    access = household.homes["maria"].access
    item = await household.erased(maria, scope="device", deviceId=access.device_id)
    assert await household.hosts.devices(maria) == []
    assert (await load_policy(household.database["telemetry"], access.ownership_id)).tombstone
    assert {name for name in item["held"] if name.startswith("telemetry/")} >= {"telemetry/usageReadings"}
    stored = await household.stored()
    assert ("people", "link") not in stored
    assert ("people", "person") in stored
    assert ("people", "blockedData") in stored
    assert ("erasure_done", item["jobId"]) in await household.hosts.house.told(maria.person_id)
    [own] = (await requests.erasures(maria.person_id, database=household.database)).erasures
    assert (own.state, own.scope) == ("erased", "device")


@pytest.mark.parametrize(
    ("category", "gone", "kept"),
    [
        ("usage", {("telemetry", "usageReadings")}, {("telemetry", "performanceReadings"), ("devices", "supportCase")}),
        (
            "performance",
            {("telemetry", "performanceReadings"), ("devices", "supportLog")},
            {("telemetry", "usageReadings")},
        ),
        ("app", {("people", "appInstallation"), ("identities", "pushAddress")}, {("telemetry", "usageReadings")}),
    ],
)
async def test_a_category_goes_alone(
    household: Household, maria: Resident, category: str, gone: set[Any], kept: set[Any]
) -> None:
    """What was received until then; the rest stays, and new readings are taken in."""
    await household.erased(maria, scope="category", category=category)
    stored = await household.stored()
    assert not gone & stored.keys()
    assert kept <= stored.keys()
    home = household.homes["maria"]
    household.hosts.clock.forward(minutes=1)
    await home.store(await home.event(home.call(), home.health()))
    assert ("telemetry", "usageReadings") in await household.stored()
