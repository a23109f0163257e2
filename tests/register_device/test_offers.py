"""Versions on offer, and who has an update to make."""

import pytest

from register_device import offers
from register_device.contract.offers import AppOffer, FirmwareOffer
from register_device.devices import list_devices
from register_device.offers import update
from shared.cosmos import Container, Database
from shared.keys import KeySet
from tests.conftest import SettableClock
from tests.people import House

pytestmark = pytest.mark.wire


@pytest.fixture
def on_offer(database: Database) -> Container:
    return database["offers"]


async def offer_firmware(
    on_offer: Container, clock: SettableClock, version: str, model: str = "VEO-XS WIFI", notes: str | None = None
) -> None:
    body = FirmwareOffer(model=model, version=version, notes=notes)
    await offers.offer_firmware(body, offers=on_offer, now=clock())


@pytest.mark.parametrize(
    ("installed", "on_offer", "state"),
    [
        ("3.2.1", "3.2.2", "available"),
        ("3.9", "3.10", "available"),
        ("3.2", "3.2.0", "up_to_date"),
        ("v3.2.1", "3.2.1", "up_to_date"),
        ("4.0", "3.9.9", "up_to_date"),
        ("3.2.1", "3.2.1-beta", "unknown"),
        ("build 7", "3.2.1", "unknown"),
        ("²", "3.2.1", "unknown"),
        ("build 7", "build 7", "up_to_date"),
        (None, "3.2.1", "unknown"),
        ("3.2.1", None, "unknown"),
    ],
)
def test_versions_are_compared_as_dotted_numbers(installed: str | None, on_offer: str | None, state: str) -> None:
    """Makers write versions as they like: what cannot be compared is unknown, and never a made-up update."""
    found = update(installed, on_offer)
    assert (found.state, found.version) == (state, on_offer)


async def test_an_owned_device_says_whether_there_is_an_update(
    database: Database, device_keys: KeySet, clock: SettableClock, on_offer: Container
) -> None:
    """For its model, however that is spelt."""
    house = House(database, device_keys, clock)
    await house.pair("maria", model="VEO-XS  Wifi")
    clock.forward(minutes=1)
    await house.pair("maria", serial="VEO-000002")
    await offer_firmware(on_offer, clock, "3.3.0")
    named, nameless = await list_devices("maria", database=database, now=clock())
    assert named.update is not None
    assert nameless.update is not None
    assert (named.update.state, named.update.version) == ("available", "3.3.0")
    assert (nameless.update.state, nameless.update.version) == ("unknown", None)


async def test_a_former_device_has_no_update(
    database: Database, device_keys: KeySet, clock: SettableClock, on_offer: Container
) -> None:
    """What it runs is its present owner's."""
    house = House(database, device_keys, clock)
    await house.pair("maria", model="VEO-XS WIFI")
    await offer_firmware(on_offer, clock, "3.3.0")
    clock.forward(days=1)
    await house.pair("jordi", model="VEO-XS WIFI")
    [former] = await list_devices("maria", database=database, now=clock())
    assert former.update is None


async def test_the_same_offer_again_changes_nothing(on_offer: Container, clock: SettableClock) -> None:
    """Not even since when it is on offer."""
    await offer_firmware(on_offer, clock, "3.3.0", notes="Better ringing.")
    [first] = await offers.list_offers(offers=on_offer)
    clock.forward(days=1)
    await offer_firmware(on_offer, clock, "3.3.0", notes="Better ringing.")
    assert await offers.list_offers(offers=on_offer) == [first]
    await offer_firmware(on_offer, clock, "3.3.1")
    [changed] = await offers.list_offers(offers=on_offer)
    assert (changed.version, changed.notes, changed.offered_at) == ("3.3.1", None, clock())


async def test_all_offers_are_listed(on_offer: Container, clock: SettableClock) -> None:
    """The app's and the firmwares', each with its name."""
    await offers.offer_app(AppOffer(os="iOS", version="4.3"), offers=on_offer, now=clock())
    await offers.offer_app(AppOffer(os="Android", version="4.2", notes="New sounds."), offers=on_offer, now=clock())
    await offer_firmware(on_offer, clock, "3.3.0", notes="Better ringing.")
    listed = [(one.product, one.os or one.model, one.version) for one in await offers.list_offers(offers=on_offer)]
    assert listed == [("app", "Android", "4.2"), ("app", "iOS", "4.3"), ("firmware", "VEO-XS WIFI", "3.3.0")]
