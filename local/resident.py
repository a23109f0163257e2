"""What a resident does with the app on their phone, over HTTP."""

import json
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode
from uuid import uuid4
from zipfile import ZipFile

import aiohttp

from local.api import Answer, Api

INSTALLATION: Final = Path(__file__).with_name("app_installation.json")
"""What the real app sends when it registers itself; the push tokens in it are no tokens."""


class Readings(NamedTuple):
    """A page of a device's readings."""

    head: dict[str, Any]
    """What the format is, and how far the reader is behind."""
    readings: list[dict[str, Any]]
    cursor: str
    """Where the next page begins."""


class Resident:
    """One resident, signed in with the development provider."""

    def __init__(self, api: Api, *, issuer: str, email: str) -> None:
        self.email = email
        self._api = api
        self._issuer = issuer
        self._token = ""

    async def sign_in(self) -> None:
        """Get a token from the provider.

        Raises:
            Refused: the provider gives none.
        """
        provider = Api(self._issuer, self._api.session)
        answer = await provider.post("/token", {"email": self.email})
        self._token = answer["access_token"]

    async def _post(self, path: str, body: dict[str, Any]) -> Answer:
        return await self._api.post(path, body, authorization=f"Bearer {self._token}")

    async def _get(self, path: str) -> Answer:
        return await self._api.get(path, authorization=f"Bearer {self._token}")

    async def me(self) -> Answer:
        """The person; the first time makes them."""
        return await self._get("/api/me")

    async def register_installation(self) -> Answer:
        """Register the app on this phone."""
        return await self._post("/api/me/app-installations", json.loads(INSTALLATION.read_text()))

    async def installations(self) -> list[dict[str, Any]]:
        """One's own phones and tablets with the app."""
        found: list[dict[str, Any]] = (await self._get("/api/me/app-installations"))["installations"]
        return found

    async def refresh_installation(self, installation_id: str, **changes: Any) -> Answer:
        """Say what has changed on this phone."""
        body = json.loads(INSTALLATION.read_text()) | changes
        path = f"/api/me/app-installations/{installation_id}"
        return await self._api.put(path, body, authorization=f"Bearer {self._token}")

    async def remove_installation(self, installation_id: str) -> Answer:
        """Forget the app on a phone."""
        return await self._post(f"/api/me/app-installations/{installation_id}/remove", {})

    async def claim(self) -> Answer:
        """Ask for what the QR code shows to a new monitor."""
        return await self._post("/api/me/claims", {})

    async def devices(self) -> list[dict[str, Any]]:
        """One's own devices."""
        found: list[dict[str, Any]] = (await self._get("/api/me/devices"))["devices"]
        return found

    async def open_support_case(
        self, device_id: str, *, days: int = 7, log: str | None = None, request_id: str | None = None
    ) -> Answer:
        """Let the device send performance data for a while; give the app's log with it, or none."""
        given = {"days": days, "requestId": request_id or str(uuid4())} | ({} if log is None else {"log": log})
        return await self._post(f"/api/me/devices/{device_id}/support-cases", given)

    async def support_cases(self, device_id: str) -> list[dict[str, Any]]:
        """One's own cases of a device, and what support staff ask for."""
        found: list[dict[str, Any]] = (await self._get(f"/api/me/devices/{device_id}/support-cases"))["supportCases"]
        return found

    async def agree_to_support_case(self, device_id: str, case_id: str) -> Answer:
        """Say yes to a case that support staff ask for."""
        return await self._post(f"/api/me/devices/{device_id}/support-cases/{case_id}/agree", {})

    async def decline_support_case(self, device_id: str, case_id: str) -> Answer:
        """Say no to it."""
        return await self._post(f"/api/me/devices/{device_id}/support-cases/{case_id}/decline", {})

    async def close_support_case(self, device_id: str, case_id: str) -> Answer:
        """End that."""
        return await self._post(f"/api/me/devices/{device_id}/support-cases/{case_id}/close", {})

    async def restrict(self, *, ground: str = "accuracy_contested", **scope: str) -> Answer:
        """Let the data of a scope be stored and used for nothing else."""
        return await self._post("/api/me/restrictions", {"ground": ground, **scope})

    async def standings(self) -> Answer:
        """One's own restrictions, and legal holds on one's data."""
        return await self._get("/api/me/restrictions")

    async def lift_restriction(self, restriction_id: str) -> Answer:
        """End a restriction of one's own."""
        return await self._post(f"/api/me/restrictions/{restriction_id}/lift", {})

    async def device_state(self, device_id: str) -> Answer:
        """The newest reading of each kind."""
        return await self._get(f"/api/me/devices/{device_id}/state")

    async def readings(self, device_id: str, cursor: str | None = None, *, wait_s: int = 0) -> Readings:
        """The readings that arrived since a cursor, in that order; without one, from the beginning.

        Who keeps the readings together with the cursor misses none and has none twice.
        """
        after = {} if cursor is None else {"cursor": cursor}
        path = f"/api/me/devices/{device_id}/telemetry?{urlencode({'wait': wait_s} | after)}"
        head, *lines = await self._api.lines(path, authorization=f"Bearer {self._token}")
        return Readings(head, [line for line in lines if line["line"] == "reading"], lines[-1]["cursor"])

    async def invite_guest(self, device_id: str, email: str) -> Answer:
        """Let somebody else use the device as well."""
        return await self._post(f"/api/me/devices/{device_id}/guests", {"email": email})

    async def guests(self, device_id: str) -> list[dict[str, Any]]:
        """Guests of the device, and open invitations."""
        found: list[dict[str, Any]] = (await self._get(f"/api/me/devices/{device_id}/guests"))["guests"]
        return found

    async def remove_guest(self, device_id: str, guest_id: str) -> Answer:
        """End that, or withdraw the invitation."""
        return await self._post(f"/api/me/devices/{device_id}/guests/{guest_id}/remove", {})

    async def invitations(self) -> list[dict[str, Any]]:
        """The invitations to one's own address."""
        found: list[dict[str, Any]] = (await self._get("/api/me/invitations"))["invitations"]
        return found

    async def accept_invitation(self, invitation_id: str) -> Answer:
        """Become a guest."""
        return await self._post(f"/api/me/invitations/{invitation_id}/accept", {})

    async def decline_invitation(self, invitation_id: str) -> Answer:
        """Do not."""
        return await self._post(f"/api/me/invitations/{invitation_id}/decline", {})

    async def leave(self, device_id: str) -> Answer:
        """Stop being a guest of the device."""
        return await self._post(f"/api/me/devices/{device_id}/leave", {})

    async def objections(self) -> Answer:
        """Which objections to statistics stand."""
        return await self._get("/api/me/objections")

    async def object_to_statistics(self, device_id: str | None = None) -> Answer:
        """Object, of all monitors or of one."""
        return await self._post("/api/me/objections", {} if device_id is None else {"deviceId": device_id})

    async def withdraw_objection(self, device_id: str | None = None) -> Answer:
        """Take that back."""
        return await self._post("/api/me/objections/withdraw", {} if device_id is None else {"deviceId": device_id})

    async def consents(self) -> dict[str, dict[str, Any]]:
        """Every purpose with its text, and whether one consents to it."""
        found = (await self._get("/api/me/consents"))["consents"]
        return {consent["purpose"]: consent for consent in found}

    async def consent(self, purpose: str, *, given: bool, ward_id: str | None = None) -> Answer:
        """Answer with the text as it is shown; for oneself, or for a minor for whom one acts."""
        path = "/api/me/consents" if ward_id is None else f"/api/me/wards/{ward_id}/consents"
        shown = next(one for one in (await self._get(path))["consents"] if one["purpose"] == purpose)
        notice = shown["notice"]
        said = {"given": given, "noticeVersion": notice["version"], "noticeHash": notice["sha256"]}
        return await self._post(f"{path}/{purpose}", said)

    async def age(self) -> Answer:
        """What one said of one's age."""
        return await self._get("/api/me/age")

    async def attest_under_14(self, guardian_email: str) -> Answer:
        """Say that one is under 14, and who one's guardian is."""
        return await self._post("/api/me/age", {"isUnder14": True, "guardianEmail": guardian_email})

    async def wards(self) -> Answer:
        """For whom one acts, and who asks one to."""
        return await self._get("/api/me/wards")

    async def accept_ward(self, ward_id: str, month: str) -> Answer:
        """Act for a minor until they are 14."""
        return await self._post(f"/api/me/wards/{ward_id}/accept", {"turns14On": month})

    async def decline_ward(self, ward_id: str) -> Answer:
        """Do not."""
        return await self._post(f"/api/me/wards/{ward_id}/decline", {})

    async def step_down(self, ward_id: str) -> Answer:
        """Stop acting for them."""
        return await self._post(f"/api/me/wards/{ward_id}/step-down", {})

    async def object_for_ward(self, ward_id: str, *, withdraw: bool = False) -> Answer:
        """Object for a minor, or take that back."""
        return await self._post(f"/api/me/wards/{ward_id}/objections{'/withdraw' if withdraw else ''}", {})

    async def ward_objections(self, ward_id: str) -> Answer:
        """Which objections of a minor stand."""
        return await self._get(f"/api/me/wards/{ward_id}/objections")

    async def notifications(self) -> list[dict[str, Any]]:
        """The newest of what one was told."""
        found: list[dict[str, Any]] = (await self._get("/api/me/notifications"))["notifications"]
        return found

    async def read_notification(self, notification_id: str) -> Answer:
        """Say that one has read it."""
        return await self._post(f"/api/me/notifications/{notification_id}/read", {})

    async def held(self) -> Answer:
        """What is held about oneself, by category."""
        return await self._get("/api/me/data")

    async def items_held(self, category: str) -> AsyncIterator[dict[str, Any]]:
        """Every item of a category, page by page."""
        cursor: str | None = None
        while True:
            page = await self._get(f"/api/me/data/{category}" + (f"?{urlencode({'cursor': cursor})}" if cursor else ""))
            for item in page["items"]:
                yield item
            cursor = page.body.get("cursor")
            if cursor is None:
                return

    async def request_export(self) -> Answer:
        """Ask for everything that is held about oneself."""
        return await self._post("/api/me/exports", {"scope": "access"})

    async def export(self, export_id: str) -> Answer:
        """How far the export is."""
        return await self._get(f"/api/me/exports/{export_id}")

    async def export_link(self, export_id: str) -> Answer:
        """A link to the finished export, good for minutes."""
        return await self._post(f"/api/me/exports/{export_id}/link", {})

    async def download(self, url: str, file: Path) -> int:
        """Save what a link points to; returns its size in bytes. `file` is new, its directory is there."""
        # A link is its own authorization: the token goes to the service and nowhere else.
        async with self._api.session.get(url, timeout=aiohttp.ClientTimeout(total=600)) as response:
            response.raise_for_status()
            with file.open("wb") as target:
                return sum([target.write(chunk) async for chunk in response.content.iter_chunked(1 << 16)])


def mentions(bundle: Path, words: Iterable[str]) -> dict[str, int]:
    """How many rows of an export's JSON Lines files mention each word."""
    with ZipFile(bundle) as archive:
        files = [archive.read(name).decode() for name in archive.namelist() if name.endswith(".jsonl")]
    rows = [row for file in files for row in file.splitlines()]
    return {word: sum(word in row for row in rows) for word in words}
