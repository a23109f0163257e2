"""App installations: many per account, each known by its push token."""

from datetime import datetime
from typing import Any

from register_device.contract.account import AppInstallation
from shared import clock
from shared.cosmos import Conflict, Container, Create, Replace, Stale
from shared.gate import write_behind_gate
from shared.keys import keyed_id


async def register_installation(
    person_id: str, installation: AppInstallation, *, people: Container, key: bytes, now: datetime
) -> tuple[dict[str, Any], bool]:
    """Store or refresh an installation; return it, and whether it is new. A push token is one installation."""
    installation_id = keyed_id(key, "installation", f"{person_id}\n{installation.token}")
    item_id = f"app:{installation_id}"
    item: dict[str, Any] = {
        "id": item_id,
        "type": "appInstallation",
        "personId": person_id,
        "installationId": installation_id,
        "pushToken": installation.token,
        "os": installation.os,
        "osVersion": installation.os_version,
        "appVersion": installation.app_version,
        "language": installation.locale,
        "active": installation.active,
        "registeredAt": clock.text(now),
        "updatedAt": clock.text(now),
    }
    if installation.app_build is not None:
        item["appBuild"] = installation.app_build
    if installation.phone_mobile is not None:
        item["phoneModel"] = installation.phone_mobile
    if installation.apns is not None:
        item["apnsToken"] = installation.apns.token
        item["apnsSandbox"] = installation.apns.sandbox
    try:
        await write_behind_gate(people, person_id, [Create(item)])
    except Conflict:
        known = await people.read(person_id, item_id)
        if known is None:
            raise
        item["registeredAt"] = known["registeredAt"]
        try:
            await write_behind_gate(people, person_id, [Replace(item, known["_etag"])])
        except Stale:
            return known, False  # the same phone said so twice at once
        return item, False
    return item, True
