"""What staff for support and for privacy do at their desks, over HTTP."""

from typing import Any, Final

from local.api import Answer, Api

PURPOSE: Final = "support_call"


class Staff:
    """A member of staff, signed in with the development provider."""

    def __init__(self, api: Api, *, issuer: str, email: str, roles: tuple[str, ...] = ("support",)) -> None:
        self.email = email
        self._api = api
        self._issuer = issuer
        self._roles = roles
        self._token = ""

    async def sign_in(self) -> None:
        """Get a token from the provider.

        Raises:
            Refused: the provider gives none.
        """
        provider = Api(self._issuer, self._api.session)
        answer = await provider.post("/token", {"email": self.email, "roles": list(self._roles)})
        self._token = answer["access_token"]

    async def _post(self, path: str, body: dict[str, Any]) -> Answer:
        return await self._api.post(path, body, authorization=f"Bearer {self._token}")

    async def look_up(self, serial_number: str) -> Answer:
        """What a device is, and its support cases that are open or asked for."""
        return await self._post("/api/staff/devices/lookup", {"serialNumber": serial_number, "purpose": PURPOSE})

    async def ask_for_support_case(self, serial_number: str, *, days: int = 7) -> Answer:
        """Ask the owner of a device for a support case."""
        body = {"serialNumber": serial_number, "days": days, "purpose": PURPOSE}
        return await self._post("/api/staff/support-cases", body)

    async def close_support_case(self, device_id: str, case_id: str) -> Answer:
        """Close a case, or withdraw the question for one."""
        return await self._post(f"/api/staff/support-cases/{device_id}/{case_id}/close", {})

    async def support_data(self, device_id: str, case_id: str, *, cursor: str | None = None) -> Answer:
        """A page of the data of an open case."""
        wanted = {"purpose": PURPOSE} | ({} if cursor is None else {"cursor": cursor})
        return await self._post(f"/api/staff/devices/{device_id}/support-cases/{case_id}/data", wanted)

    async def find_restrictions(self, **who: str) -> Answer:
        """What stands for a person."""
        return await self._post("/api/staff/restrictions/find", {"who": who, "purpose": PURPOSE})

    async def enter_restriction(self, who: dict[str, str], *, ground: str = "unlawful", **scope: str) -> Answer:
        """Restrict for a person who has asked for it by letter."""
        body = {"who": who, "ground": ground, "purpose": PURPOSE, **scope}
        return await self._post("/api/staff/restrictions", body)

    async def find_people(self, **who: str) -> Answer:
        """Who has asked for something, by random ids."""
        return await self._post("/api/staff/people/find", {"who": who, "purpose": "rights_request"})

    async def act_for(self, person_id: str, right: str, **asked: Any) -> Answer:
        """Carry out a right of somebody who wrote a letter; `right` is what the path says behind the person."""
        body = {"purpose": "rights_request", "channel": "letter"} | asked
        return await self._post(f"/api/staff/people/{person_id}/{right}", body)

    async def copy_state(self, person_id: str, export_id: str) -> Answer:
        """How far a copy is that staff ordered."""
        path = f"/api/staff/people/{person_id}/exports/{export_id}"
        return await self._api.get(path, authorization=f"Bearer {self._token}")

    async def announce_lifting(self, person_id: str, restriction_id: str) -> Answer:
        """Tell a person that a restriction is lifted soon."""
        body = {"personId": person_id, "purpose": PURPOSE}
        return await self._post(f"/api/staff/restrictions/{restriction_id}/lift", body)

    async def set_hold(self, who: dict[str, str], until: str, *, reference: str = "LH-2026-17", **asked: Any) -> Answer:
        """Let nothing of a scope be destroyed before a time."""
        body = {"who": who, "until": until, "reference": reference, "scope": "person", "ground": "legal_claims"}
        return await self._post("/api/staff/legal-holds", body | asked)

    async def end_hold(self, person_id: str, hold_id: str) -> Answer:
        """End a legal hold before its time."""
        body = {"personId": person_id, "purpose": PURPOSE}
        return await self._post(f"/api/staff/legal-holds/{hold_id}/end", body)
