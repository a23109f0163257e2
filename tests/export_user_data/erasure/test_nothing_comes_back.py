"""What was erased does not come back; and each protection is needed: without it the same test finds something."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from export_user_data.erasure.replaying import erase_again
from export_user_data.erasure.tools import Tools
from ingest_telemetry.messages import HubEvent
from ingest_telemetry.storing import store_events
from local.cosmos.server import CosmosServer
from shared import gate, journal
from shared.blobs import Blobs
from shared.callers import Resident
from shared.gate import load_policy
from shared.journal import Journal, refuse_restored, replay
from shared.people import resident
from shared.policy import Policy, Window
from shared.sign_in import Identity
from tests.export_user_data.erasure.household import Household
from tests.people import IDENTITY_KEY

pytestmark = pytest.mark.wire

READINGS = {"telemetry/usageReadings", "telemetry/performanceReadings"}


@pytest.fixture
async def maria(household: Household) -> Resident:
    return await household.live("maria", "VEO-000001")


async def came_back(household: Household, maria: Resident) -> set[str]:
    """Records that name the erased person or her period, and should not."""
    names = (maria.person_id, household.homes["maria"].access.ownership_id, "maria@resident.example")
    may_stay = {"people/gate", "telemetry/gate", "claims/claim", "ledger/ledgerEntry", "ledger/ledgerStep"}
    return await household.mentions(*names) - may_stay


async def redelivered(household: Household) -> HubEvent:
    """What her monitor sent before, with the policy of then, as a replay of the hub brings it."""
    home = household.homes["maria"]
    return await home.event(home.call(), home.health())


async def test_a_replay_of_the_hub_brings_nothing(household: Household, maria: Resident) -> None:
    """Events that were accepted under the policy before."""
    event = await redelivered(household)
    await household.erased(maria, scope="person")
    await store_events([event], database=household.database)
    assert await came_back(household, maria) == set()


async def test_without_a_tombstone_the_hub_would_bring_it(
    household: Household, maria: Resident, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check above fails when the gate stays as it was."""
    event = await redelivered(household)
    monkeypatch.setattr("export_user_data.erasure.narrowing._tombstoned", lambda policy: policy)
    monkeypatch.setattr("shared.ending_ownership.ended", lambda policy, end: policy)  # noqa: ARG005 - as it is called
    asked = await household.asked(maria, scope="person")
    for _ in range(10):  # the scan finds the open gates, and parks the job
        await household.run(asked.erasure_id)
        household.hosts.clock.forward(minutes=5)
    assert READINGS.isdisjoint(await came_back(household, maria))
    await store_events([event], database=household.database)
    assert await came_back(household, maria) > READINGS


async def test_an_erased_category_is_not_replayed(household: Household, maria: Resident) -> None:
    """What was received before is refused, what comes later is taken; also of an event that could not be read."""
    event = await redelivered(household)
    await household.erased(maria, scope="category", category="usage")
    outcome = await store_events([event], database=household.database)
    assert outcome.readings_refused == {"erased": 1}
    assert ("telemetry", "usageReadings") not in await household.stored()


async def test_without_its_date_an_erased_category_would_be_replayed(
    household: Household, maria: Resident, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check above fails when the gate does not know until when."""
    event = await redelivered(household)
    monkeypatch.setattr("export_user_data.erasure.narrowing._erased", lambda policy, **_: policy)
    await household.erased(maria, scope="category", category="usage")
    await store_events([event], database=household.database)
    assert ("telemetry", "usageReadings") in await household.stored()


class Backup:
    """A database that is put back to an earlier time, with its real journal."""

    def __init__(self, household: Household, cosmos: CosmosServer, blobs: Blobs, folder: Path) -> None:
        self.household = household
        self.journal = Journal(blobs)
        household.tools = replace(household.tools, journal=self.journal)
        self._cosmos = cosmos
        self._snapshot = folder / "snapshot"

    def taken(self) -> None:
        self._cosmos.snapshot(self._snapshot)

    def restored(self) -> None:
        self._cosmos.restore(self._snapshot)

    async def replayed(self) -> None:
        tools: Tools = self.household.tools
        now = self.household.hosts.clock()
        await replay(tools.database, self.journal, now=now, again=partial(erase_again, tools=tools))
        await refuse_restored(tools.database, self.journal)


@pytest.fixture
def backup(household: Household, cosmos: CosmosServer, blobs: Blobs, tmp_path: Path) -> Backup:
    return Backup(household, cosmos, blobs, tmp_path)


async def test_a_restored_backup_brings_nothing(household: Household, maria: Resident, backup: Backup) -> None:
    """Whatever the backup held of her, in every container; the replay comes before the service answers anybody."""
    event = await redelivered(household)
    backup.taken()
    await household.erased(maria, scope="person")
    backup.restored()
    assert await came_back(household, maria) > READINGS
    with pytest.raises(journal.RestoredDatabase):
        await refuse_restored(household.database, backup.journal)
    await backup.replayed()
    await store_events([event], database=household.database)
    assert await came_back(household, maria) == set()
    identity = Identity("https://sign-in.example", "maria", "maria@resident.example", frozenset())
    again = await resident(
        identity, database=household.database, identity_key=IDENTITY_KEY, now=household.hosts.clock()
    )
    assert again.person_id != maria.person_id


async def test_a_restored_backup_of_a_device_brings_nothing(
    household: Household, maria: Resident, backup: Backup
) -> None:
    """Nor its readings, nor who owned it."""
    access = household.homes["maria"].access
    backup.taken()
    await household.erased(maria, scope="device", deviceId=access.device_id)
    backup.restored()
    await backup.replayed()
    left = await household.mentions(access.ownership_id)
    assert left <= {"telemetry/gate", "claims/claim", "ledger/ledgerEntry", "ledger/ledgerStep", "people/notification"}
    assert await household.hosts.devices(maria) == []


@pytest.mark.parametrize(
    ("category", "record"), [("usage", ("telemetry", "usageReadings")), ("app", ("people", "appInstallation"))]
)
async def test_a_restored_backup_of_a_category_brings_nothing(
    household: Household, maria: Resident, backup: Backup, category: str, record: tuple[str, str]
) -> None:
    """It is in the journal until when it was erased."""
    backup.taken()
    await household.erased(maria, scope="category", category=category)
    backup.restored()
    assert record in await household.stored()
    await backup.replayed()
    assert record not in await household.stored()


async def test_without_the_journal_a_backup_would_bring_it_all(
    household: Household, maria: Resident, backup: Backup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checks above fail when narrowing changes are not journalled."""

    async def forgotten(_self: Journal, _container: str, _partition: str, _policy: Policy) -> None:
        return

    monkeypatch.setattr(Journal, "narrowed", forgotten)
    backup.taken()
    await household.erased(maria, scope="person")
    backup.restored()
    await backup.replayed()
    assert await came_back(household, maria) > READINGS


async def test_nobody_opens_a_tombstone(household: Household, maria: Resident) -> None:
    """No later change of the policy makes a marker again."""
    await household.erased(maria, scope="person")
    ownership_id = household.homes["maria"].access.ownership_id
    telemetry = household.database["telemetry"]
    await gate.change_policy(
        telemetry,
        ownership_id,
        lambda policy: policy.with_window("usage", Window(policy.start)),
        journal=household.tools.journal,
        now=household.hosts.clock(),
    )
    assert (await load_policy(telemetry, ownership_id)).tombstone
    await store_events([await redelivered(household)], database=household.database)
    assert await came_back(household, maria) == set()
