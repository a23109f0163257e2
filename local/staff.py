"""What support staff do at their desk, over HTTP."""

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
