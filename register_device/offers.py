"""Versions on offer: firmware per model, the app per mobile operating system; and who has an update to make."""

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from itertools import dropwhile
from typing import Any, Final, Literal

from register_device.contract.offers import AppOffer, FirmwareOffer, Offer, Update
from shared import clock
from shared.cosmos import Conflict, Container, Item, Stale, declared
from shared.errors import Problem

Product = Literal["firmware", "app"]
PRODUCTS: Final[tuple[Product, ...]] = ("firmware", "app")

_TRIES: Final = 5
_DOTTED_NUMBERS: Final = re.compile(r"[vV]?([0-9]{1,18}(?:\.[0-9]{1,18})*)")


async def offer_firmware(offer: FirmwareOffer, *, offers: Container, now: datetime) -> Offer:
    """Put a firmware on offer for a model; the one before is not any more."""
    item = {"type": "firmwareOffer", "model": offer.model, "version": offer.version, "notes": offer.notes}
    return await _offer("firmware", offer.model, item, offers=offers, now=now)


async def offer_app(offer: AppOffer, *, offers: Container, now: datetime) -> Offer:
    """Put a version of the app on offer for an operating system; the one before is not any more."""
    item = {"type": "appOffer", "os": offer.os, "version": offer.version, "notes": offer.notes}
    return await _offer("app", offer.os, item, offers=offers, now=now)


async def _offer(product: Product, name: str, stated: Mapping[str, Any], *, offers: Container, now: datetime) -> Offer:
    item = {field: value for field, value in stated.items() if value is not None}
    item |= {"id": _id(name), "product": product, "offeredAt": clock.text(now)}
    for _ in range(_TRIES):
        known = await offers.read(product, item["id"])
        if known is not None and declared(known) == item | {"offeredAt": known["offeredAt"]}:
            return _view(known)
        try:
            if known is None:
                await offers.create(item)
            else:
                await offers.replace(item, known["_etag"])
        except (Conflict, Stale):
            continue
        return _view(item)
    raise Problem("busy", retry_after_s=1)


async def list_offers(*, offers: Container) -> list[Offer]:
    """All versions on offer."""
    found = [_view(item) for product in PRODUCTS async for item in offers.query("SELECT * FROM c", partition=product)]
    return sorted(found, key=lambda offer: (offer.product, offer.model or offer.os or ""))


async def offered(product: Product, name: str, *, offers: Container) -> str | None:
    """The version on offer for a model or an operating system, however it is spelt there; one point read."""
    item = await offers.read(product, _id(name))
    return str(item["version"]) if item is not None else None


async def firmware_update(device: Item, *, offers: Container) -> Update:
    """Whether there is newer firmware for a device."""
    version = await offered("firmware", str(device["model"]), offers=offers) if "model" in device else None
    return update(device.get("firmwareVersion"), version)


def update(installed: str | None, on_offer: str | None) -> Update:
    """What there is to do with this version installed and that one on offer; unknown when they cannot be compared."""
    if installed is None or on_offer is None:
        return Update(state="unknown", version=on_offer)
    if installed.strip() == on_offer.strip():
        return Update(state="up_to_date", version=on_offer)
    have, want = _numbers(installed), _numbers(on_offer)
    if have is None or want is None:
        return Update(state="unknown", version=on_offer)
    return Update(state="available" if have < want else "up_to_date", version=on_offer)


def _numbers(version: str) -> tuple[int, ...] | None:
    """The numbers of a version such as 3.10 or v3.2.1, in which 3.2 and 3.2.0 are the same; None of any other."""
    dotted = _DOTTED_NUMBERS.fullmatch(version.strip())
    if dotted is None:
        return None
    numbers = [int(number) for number in dotted[1].split(".")]
    return tuple(reversed(list(dropwhile(lambda number: number == 0, reversed(numbers)))))


def _id(name: str) -> str:
    """Models are spelt freely, and an id may not hold every character."""
    return hashlib.sha256(" ".join(name.casefold().split()).encode()).hexdigest()[:32]


def _view(item: Item) -> Offer:
    return Offer(
        product=item["product"],
        model=item.get("model"),
        os=item.get("os"),
        version=item["version"],
        notes=item.get("notes"),
        offered_at=clock.moment(item["offeredAt"]),
    )
