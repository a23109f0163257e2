"""Application settings: local.settings.json, below the real environment; and `%NAME%` expressions."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from local.serving import CannotStart

DEFAULT_PORT: Final = 7071
"""The port of Core Tools."""

_EXPRESSION: Final = re.compile(r"%([^%]+)%")


@dataclass(frozen=True, slots=True)
class LocalSettings:
    """local.settings.json: the settings under `Values`, and the port under `Host.LocalHttpPort`."""

    values: Mapping[str, str] = field(default_factory=dict)
    port: int = DEFAULT_PORT


def read_local_settings(app_directory: Path) -> LocalSettings:
    """Read local.settings.json of an app; without the file there are no settings.

    Raises:
        CannotStart: it is encrypted or malformed.
    """
    path = app_directory / "local.settings.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return LocalSettings()
    except json.JSONDecodeError as error:
        raise CannotStart(f"host: {path} is not JSON: {error}") from error
    if not isinstance(content, dict) or not isinstance(content.get("Values", {}), dict):
        raise CannotStart(f"host: {path} must be an object with an object of settings under 'Values'")
    if content.get("IsEncrypted"):
        raise CannotStart(f"host: {path} is encrypted, which only Core Tools reads. Run: func settings decrypt")
    values = {name: _as_text(path, name, value) for name, value in content.get("Values", {}).items()}
    return LocalSettings(values, _port(path, content.get("Host")))


def _port(path: Path, host: Any) -> int:
    port = host.get("LocalHttpPort", DEFAULT_PORT) if isinstance(host, dict) else DEFAULT_PORT
    if not isinstance(port, int):
        raise CannotStart(f"host: {path}: Host.LocalHttpPort must be a number")
    return port


def _as_text(path: Path, name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    raise CannotStart(f"host: {path}: setting {name!r} must be a text, a number or a boolean")


def effective_settings(local: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """All settings an app sees: those `given` win over the environment, and that over local.settings.json.

    As under Core Tools, AZURE_FUNCTIONS_ENVIRONMENT says Development unless something else is set.
    """
    return {"AZURE_FUNCTIONS_ENVIRONMENT": "Development", **local, **os.environ, **given}


def resolve(text: str, settings: Mapping[str, str], *, where: str) -> str:
    """`text` with each `%NAME%` replaced by that setting.

    Raises:
        CannotStart: there is no such setting.
    """

    def value(match: re.Match[str]) -> str:
        try:
            return settings[match[1]]
        except KeyError:
            raise CannotStart(f"host: {where}: there is no setting {match[1]!r} for {match[0]!r}") from None

    return _EXPRESSION.sub(value, text)


def connection_string(settings: Mapping[str, str], name: str, *, where: str) -> str:
    """The connection string under the setting `name`.

    Raises:
        CannotStart: there is none; an identity-based connection is named as such, since it needs TLS and Azure.
    """
    if text := settings.get(name):
        return text
    if any(key.startswith(f"{name}__") for key in settings):
        raise CannotStart(
            f"host: {where}: connection {name!r} is identity-based ({name}__...), which this host does not support. "
            f"Set {name} to a connection string."
        )
    raise CannotStart(f"host: {where}: there is no setting {name!r}. Set it in local.settings.json or the environment.")
