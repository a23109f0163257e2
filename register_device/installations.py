"""App installations: many per account, each with the push address that its phone rings under."""

from datetime import datetime
from typing import Any, Final

from register_device.contract.account import AppInstallation, Installation
from register_device.offers import offered, update
from register_device.push_addresses import Holder, address_key, holder_of, release, take, without_addresses
from shared import clock
from shared.cosmos import Conflict, Create, Database, Delete, Item, Replace, Stale, declared
from shared.errors import Problem
from shared.gate import Erased, write_behind_gate
from shared.injection import reached
from shared.keys import keyed_id
from shared.ledger import THE_PERSON, Step, record_about
from shared.people import PERSON

INSTALLATIONS_LIMIT: Final = 20
_TRIES: Final = 10
_OF_ONE_PERSON: Final = "SELECT * FROM c WHERE c.type = 'appInstallation'"


async def register_installation(
    person_id: str, installation: AppInstallation, *, database: Database, key: bytes, now: datetime
) -> tuple[Item, bool]:
    """Store or refresh the installation that has this push token; return it, and whether it is new.

    It is not active when another account registered the same token meanwhile.

    Raises:
        Problem: installations_too_many.
    """
    address = address_key(installation.token, identity_key=key)
    holder = await holder_of(address, identities=database["identities"])
    if holder is None or holder.person_id != person_id:
        holder = Holder(person_id, keyed_id(key, "installation", f"{person_id}\n{installation.token}"))
    is_new = await _found(holder, installation, address, database=database, now=now)
    await reached("installation.founded")
    return await _refresh(holder, installation, address, database=database, key=key, now=now), is_new


async def refresh_installation(
    person_id: str,
    installation_id: str,
    installation: AppInstallation,
    *,
    database: Database,
    key: bytes,
    now: datetime,
) -> Item:
    """Bring an installation up to date; a push token that was replaced is forgotten.

    Raises:
        Problem: installation_unknown, also when it is somebody else's.
    """
    address = address_key(installation.token, identity_key=key)
    holder = Holder(person_id, installation_id)
    return await _refresh(holder, installation, address, database=database, key=key, now=now)


async def list_installations(person_id: str, *, database: Database) -> list[Installation]:
    """The person's installations, the last used first."""
    items = [item async for item in database["people"].query(_OF_ONE_PERSON, partition=person_id)]
    offers = database["offers"]
    on_offer = {os: await offered("app", os, offers=offers) for os in sorted({str(item["os"]) for item in items})}
    return [_view(item, on_offer[item["os"]]) for item in sorted(items, key=_last_used, reverse=True)]


async def remove_installation(
    person_id: str, installation_id: str, *, database: Database, key: bytes, now: datetime
) -> None:
    """Forget an installation, if there is one: it stops ringing first, then its addresses go, then the item."""
    holder, people = Holder(person_id, installation_id), database["people"]
    for _ in range(_TRIES):
        item = await people.read(person_id, holder.item_id)
        if item is None:
            return
        try:
            if "pushToken" in item:
                removed = Step(
                    installation_id,
                    "installation_removed",
                    THE_PERSON,
                    {"installationId": installation_id},
                    step=f"installation_removed-{item['registeredAt']}",
                )
                await record_about(person_id, removed, database=database, now=now)
                await write_behind_gate(people, person_id, [Replace(without_addresses(item), item["_etag"])])
                await reached("installation.silenced")
                continue
            for address in item["pushKeys"]:
                await release(address, holder, database=database, identity_key=key, now=now)
            await reached("installation.released")
            unchanged = Replace(declared(item), item["_etag"])  # a delete of a batch has no condition of its own
            await write_behind_gate(people, person_id, [unchanged, Delete(holder.item_id)])
        except Stale:
            continue
        return
    raise Problem("busy", retry_after_s=1)


async def view(item: Item, *, database: Database) -> Installation:
    """An installation as its person sees it: without the addresses of its phone."""
    return _view(item, await offered("app", str(item["os"]), offers=database["offers"]))


def _view(item: Item, on_offer: str | None) -> Installation:
    return Installation(
        installation_id=item["installationId"],
        os=item["os"],
        os_version=item["osVersion"],
        app_version=item["appVersion"],
        app_build=item.get("appBuild"),
        phone_mobile=item.get("phoneModel"),
        locale=item["language"],
        country=item.get("country"),
        subdivision=item.get("subdivision"),
        active=item["active"],
        registered_at=clock.moment(item["registeredAt"]),
        updated_at=clock.moment(item["updatedAt"]),
        update=update(item["appVersion"], on_offer),
    )


def _last_used(item: Item) -> str:
    return str(item["updatedAt"])


async def _found(
    holder: Holder, installation: AppInstallation, address: str, *, database: Database, now: datetime
) -> bool:
    """Make the installation, without its push token; whether this did.

    The person's own item is replaced by itself in the same batch, so that of two made at once each counts the other.
    """
    people, person_id = database["people"], holder.person_id
    if await people.read(person_id, holder.item_id) is not None:
        return False
    silent = without_addresses(_item(holder, installation, registered_at=clock.text(now), now=now))
    for _ in range(_TRIES):
        person = await people.read(person_id, PERSON)
        if person is None:
            raise Erased
        known = [item["id"] async for item in people.query(_OF_ONE_PERSON, partition=person_id)]
        if len(known) >= INSTALLATIONS_LIMIT and holder.item_id not in known:
            raise Problem("installations_too_many")
        made, counted = Create(silent | {"pushKeys": [address]}), Replace(declared(person), person["_etag"])
        try:
            await write_behind_gate(people, person_id, [made, counted])
        except Conflict:
            return False
        except Stale:
            continue
        return True
    raise Problem("busy", retry_after_s=1)


async def _refresh(
    holder: Holder, installation: AppInstallation, address: str, *, database: Database, key: bytes, now: datetime
) -> Item:
    """Let the installation hold its address, give it what was said, and release the addresses that it had before.

    Its item names the address first, so that an erasure finds the look-up. It is given the address under the ETag
    that it had before it took it: whoever takes it away meanwhile changes the item, and then this one gives up.
    """
    people, person_id = database["people"], holder.person_id
    item, taken = await _naming(holder, address, database=database), False
    for _ in range(_TRIES):
        if not taken:
            await take(address, holder, database=database, identity_key=key, now=now)
            await reached("installation.addressed")
            taken = True
        elif await holder_of(address, identities=database["identities"]) != holder:
            return item
        said = _item(holder, installation, registered_at=item["registeredAt"], now=now)
        said["pushKeys"] = [*(one for one in item["pushKeys"] if one != address), address]
        try:
            await write_behind_gate(people, person_id, [Replace(said, item["_etag"])])
        except Erased:
            await release(address, holder, database=database, identity_key=key, now=now)
            raise
        except Stale:
            known = await people.read(person_id, holder.item_id)
            if known is None:  # it was removed meanwhile
                await release(address, holder, database=database, identity_key=key, now=now)
                raise Problem("installation_unknown") from None
            item = known
            continue
        await reached("installation.refreshed")
        return await _release_others(holder, address, database=database, key=key, now=now)
    raise Problem("busy", retry_after_s=1)


async def _naming(holder: Holder, address: str, *, database: Database) -> Item:
    """The installation, once its item names the address."""
    people = database["people"]
    for _ in range(_TRIES):
        item = await people.read(holder.person_id, holder.item_id)
        if item is None:
            raise Problem("installation_unknown")
        if address in item["pushKeys"]:
            return item
        named = declared(item) | {"pushKeys": [*item["pushKeys"], address]}
        try:
            await write_behind_gate(people, holder.person_id, [Replace(named, item["_etag"])])
        except Stale:
            continue
    raise Problem("busy", retry_after_s=1)


async def _release_others(holder: Holder, address: str, *, database: Database, key: bytes, now: datetime) -> Item:
    """Release every address but the present one; what is cut off here is done at the next time."""
    people = database["people"]
    for _ in range(_TRIES):
        item = await people.read(holder.person_id, holder.item_id)
        if item is None:
            raise Problem("installation_unknown")
        others = [one for one in item["pushKeys"] if one != address]
        if not others:
            return item
        for other in others:
            await release(other, holder, database=database, identity_key=key, now=now)
        kept = declared(item) | {"pushKeys": [one for one in item["pushKeys"] if one == address]}
        try:
            await write_behind_gate(people, holder.person_id, [Replace(kept, item["_etag"])])
        except Stale:
            continue
    raise Problem("busy", retry_after_s=1)


def _item(holder: Holder, installation: AppInstallation, *, registered_at: str, now: datetime) -> dict[str, Any]:
    apns = installation.apns
    stated = {
        "pushToken": installation.token,
        "apnsToken": apns.token if apns else None,
        "apnsSandbox": apns.sandbox if apns else None,
        "os": installation.os,
        "osVersion": installation.os_version,
        "appVersion": installation.app_version,
        "appBuild": installation.app_build,
        "phoneModel": installation.phone_mobile,
        "language": installation.locale,
        "country": installation.country,
        "subdivision": installation.subdivision,
        "active": installation.active,
    }
    return {
        "id": holder.item_id,
        "type": "appInstallation",
        "personId": holder.person_id,
        "installationId": holder.installation_id,
        "registeredAt": registered_at,
        "updatedAt": clock.text(now),
        **{name: value for name, value in stated.items() if value is not None},
    }
