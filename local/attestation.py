"""How a monitor proves its make: it signs a challenge with a key that only its maker can derive.

Key derivation and signature format are those of symmetric-key enrolment groups in Azure's Device Provisioning Service.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote


def device_key(group_key: str, serial_number: str) -> bytes:
    """The key that the factory puts into one monitor; `group_key` is base64 and never leaves the factory."""
    return hmac.new(base64.b64decode(group_key), serial_number.encode(), hashlib.sha256).digest()


@dataclass(frozen=True, slots=True)
class Make:
    """What the factory gave one monitor: who it is, its key, and the data it tells about itself."""

    serial_number: str
    enrolment_group: str
    key: bytes
    data: Mapping[str, Any]

    @classmethod
    def manufactured(cls, data: Mapping[str, Any], *, enrolment_group: str, group_key: str) -> Self:
        """A monitor as it leaves the factory; `data` has its `serialNumber`."""
        serial_number = str(data["serialNumber"])
        return cls(serial_number, enrolment_group, device_key(group_key, serial_number), data)

    def authorization(self, challenge: str, expires: int) -> str:
        """The header that answers a challenge; `expires` is the challenge's own, so no clock is needed."""
        resource = quote(f"{self.serial_number}/challenges/{challenge}", safe="")
        digest = hmac.new(self.key, f"{resource}\n{expires}".encode(), hashlib.sha256).digest()
        signature = quote(base64.b64encode(digest).decode(), safe="")
        group = quote(self.enrolment_group, safe="")
        return f"SharedAccessSignature sr={resource}&sig={signature}&se={expires}&skn={group}"
