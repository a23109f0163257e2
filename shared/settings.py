"""Settings of the app: typed, parsed once, and a missing one is a good sentence.

`local.settings.sample.json` documents them all. Keys come by reference (Key Vault) in Azure.
"""

import base64
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Base64UrlBytes, Field, Json, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.controller import Controller, Installation
from shared.data_map.recipients import WEBHOOKS
from shared.keys import WRAPPING_KEY_BYTES, wrapping_key

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})

GROUP_KEY_BYTES = 32

JwkSet = dict[str, list[dict[str, str]]]


class SettingsUnusable(Exception):
    """The app cannot start with the settings it has; the message names each one and what is wrong."""


class Settings(BaseSettings):
    """What the environment tells the app."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", case_sensitive=False, hide_input_in_errors=True)

    cosmos_endpoint: Annotated[str, Field(alias="BLUE_COSMOS_ENDPOINT")]
    cosmos_key: Annotated[SecretStr | None, Field(alias="BLUE_COSMOS_KEY")] = None
    cosmos_database: Annotated[str, Field(alias="BLUE_COSMOS_DATABASE")] = "blue"
    event_hubs: Annotated[SecretStr | None, Field(alias="EventHubs")] = None
    event_hubs_namespace: Annotated[str | None, Field(alias="EventHubs__fullyQualifiedNamespace")] = None
    blob_connection: Annotated[SecretStr | None, Field(alias="BLUE_BLOB_CONNECTION")] = None
    blob_account_url: Annotated[str | None, Field(alias="BLUE_BLOB_ACCOUNT_URL")] = None
    host_storage: Annotated[SecretStr | None, Field(alias="AzureWebJobsStorage")] = None
    """The storage account of the Functions host, where it keeps its checkpoints: this, or one of the next two."""
    host_storage_account: Annotated[str | None, Field(alias="AzureWebJobsStorage__accountName")] = None
    host_storage_url: Annotated[str | None, Field(alias="AzureWebJobsStorage__blobServiceUri")] = None
    sign_in_issuer: Annotated[str, Field(alias="BLUE_SIGN_IN_ISSUER")]
    sign_in_audience: Annotated[str, Field(alias="BLUE_SIGN_IN_AUDIENCE")] = "blue-app"
    identity_key: Annotated[Base64UrlBytes, Field(alias="BLUE_IDENTITY_KEY", min_length=32, repr=False)]
    device_token_keys: Annotated[Json[JwkSet], Field(alias="BLUE_DEVICE_TOKEN_KEYS", repr=False)]
    export_keys: Annotated[Json[JwkSet], Field(alias="BLUE_EXPORT_KEYS", repr=False)]
    vault_keys: Annotated[Json[JwkSet], Field(alias="BLUE_VAULT_KEYS", repr=False)]
    enrolment_groups: Annotated[Json[dict[str, list[SecretStr]]], Field(alias="BLUE_ENROLMENT_GROUPS")]
    monitor_messages_per_minute: Annotated[int, Field(alias="BLUE_MONITOR_MESSAGES_PER_MINUTE", ge=1)] = 120
    smtp_url: Annotated[str, Field(alias="BLUE_SMTP_URL")]
    smtp_password: Annotated[SecretStr | None, Field(alias="BLUE_SMTP_PASSWORD")] = None
    mail_from: Annotated[str, Field(alias="BLUE_MAIL_FROM", pattern=r"^[0-9A-Za-z.+_-]+@[0-9A-Za-z.-]+$")]
    recipients: Annotated[Json[dict[str, str]], Field(alias="BLUE_RECIPIENTS", validate_default=False)] = {}
    """Where the recipients are told that the data map declares to be told by a message."""
    controller: Annotated[Json[Controller], Field(alias="BLUE_CONTROLLER")]
    """Who is responsible, as the documents name them."""
    storage_place: Annotated[str, Field(alias="BLUE_STORAGE_PLACE", min_length=1, max_length=200)]
    """Cloud provider and region, in words for residents."""
    environment: Annotated[str, Field(alias="AZURE_FUNCTIONS_ENVIRONMENT")] = "Production"
    """Hosts on a developer's machine say Development; Azure says nothing, and that is Production."""
    instance_id: Annotated[str | None, Field(alias="WEBSITE_INSTANCE_ID")] = None
    pod_name: Annotated[str | None, Field(alias="WEBSITE_POD_NAME")] = None

    @property
    def is_deployed(self) -> bool:
        """Whether development doubles are refused: always, unless the host says Development and is none of Azure's."""
        platform = (self.instance_id, self.pod_name)
        return self.environment != "Development" or any(platform)

    @property
    def installation(self) -> Installation:
        """What the documents say of this installation."""
        return Installation(self.controller, self.storage_place)

    @property
    def host_storage_address(self) -> str:
        """Where the host's checkpoints are, when there is no connection string."""
        by_name = f"https://{self.host_storage_account}.blob.core.windows.net" if self.host_storage_account else None
        return self.host_storage_url or by_name or str(self.blob_account_url)

    @model_validator(mode="after")
    def _one_way_to_each_service(self) -> Self:
        if self.event_hubs is None and self.event_hubs_namespace is None:
            raise ValueError("Event Hubs: set EventHubs__fullyQualifiedNamespace (in Azure) or EventHubs (elsewhere).")
        if self.blob_connection is None and self.blob_account_url is None:
            raise ValueError("Blob storage: set BLUE_BLOB_ACCOUNT_URL (in Azure) or BLUE_BLOB_CONNECTION (elsewhere).")
        return self

    @field_validator("enrolment_groups")
    @classmethod
    def _group_keys_are_keys(cls, groups: dict[str, list[SecretStr]]) -> dict[str, list[SecretStr]]:
        for number, keys in enumerate(groups.values(), start=1):
            if not all(_is_group_key(key.get_secret_value()) for key in keys):
                raise ValueError(f"Each key of group {number} must be base64 of at least {GROUP_KEY_BYTES} bytes.")
        return groups

    @field_validator("vault_keys")
    @classmethod
    def _vault_keys_are_keys(cls, keys: JwkSet) -> JwkSet:
        if not keys.get("keys") or not all(_is_wrapping_key(key) for key in keys["keys"]):
            raise ValueError(f"Each key must be an oct JWK of {WRAPPING_KEY_BYTES} bytes with a kid.")
        return keys

    @field_validator("smtp_url")
    @classmethod
    def _names_a_mail_server(cls, url: str) -> str:
        parts = urlsplit(url)
        try:
            usable = parts.scheme in {"smtp", "smtps"} and bool(parts.hostname) and parts.port != 0
        except ValueError:  # the port is no number, or too large
            usable = False
        if not usable:
            raise ValueError("It must be like smtps://user@host:465 or smtp://host:587.")
        if parts.password is not None:
            raise ValueError("The password belongs in BLUE_SMTP_PASSWORD.")
        return url

    @field_validator("recipients")
    @classmethod
    def _recipients_are_declared(cls, recipients: dict[str, str]) -> dict[str, str]:
        if not recipients.keys() <= WEBHOOKS:
            raise ValueError(f"The data map declares these and no others: {', '.join(sorted(WEBHOOKS))}.")
        for name, url in recipients.items():
            if not (_is_public_https(url) or _is_on_loopback(url)) or urlsplit(url).username is not None:
                raise ValueError(f"The address of '{name}' must be like https://host/path.")
        return recipients

    @model_validator(mode="after")
    def _mail_login_is_whole(self) -> Self:
        if (urlsplit(self.smtp_url).username is None) != (self.smtp_password is None):
            raise ValueError("Mail: a user in BLUE_SMTP_URL and BLUE_SMTP_PASSWORD belong together.")
        return self

    @model_validator(mode="after")
    def _no_double_when_deployed(self) -> Self:
        if not self.is_deployed:
            return self
        doubles = [
            name
            for name, used in {
                "BLUE_COSMOS_KEY": self.cosmos_key is not None,
                "EventHubs": self.event_hubs is not None,
                "BLUE_BLOB_CONNECTION": self.blob_connection is not None,
                "BLUE_COSMOS_ENDPOINT": not _is_public_https(self.cosmos_endpoint),
                "BLUE_SIGN_IN_ISSUER": not _is_public_https(self.sign_in_issuer),
                "BLUE_SMTP_URL": urlsplit(self.smtp_url).hostname in LOOPBACK_HOSTS,
                "BLUE_DEVICE_TOKEN_KEYS": _has_development_key(self.device_token_keys),
                "BLUE_EXPORT_KEYS": _has_development_key(self.export_keys),
                "BLUE_VAULT_KEYS": _has_development_key(self.vault_keys),
                "BLUE_RECIPIENTS": not all(_is_public_https(url) for url in self.recipients.values()),
            }.items()
            if used
        ]
        if doubles:
            raise ValueError(f"A deployed app refuses development doubles: {', '.join(doubles)}.")
        return self


def _is_group_key(key: str) -> bool:
    try:
        return len(base64.b64decode(key, validate=True)) >= GROUP_KEY_BYTES
    except ValueError:  # not base64, or not ASCII
        return False


def _is_wrapping_key(jwk: dict[str, str]) -> bool:
    try:
        return bool(wrapping_key(jwk))
    except ValueError:  # not base64, or not ASCII, or not 32 bytes
        return False


def _is_public_https(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" and bool(parts.hostname) and parts.hostname not in LOOPBACK_HOSTS


def _is_on_loopback(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in {"http", "https"} and parts.hostname in LOOPBACK_HOSTS


def _has_development_key(keys: JwkSet) -> bool:
    return any(key.get("kid", "").startswith("dev-") for key in keys.get("keys", []))


def load_settings() -> Settings:
    """Read the environment.

    Raises:
        SettingsUnusable: one or more settings are missing or wrong; their values are not repeated.
    """
    try:
        return Settings()
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc'][:1]) or 'settings'}: {fault['msg']}"
            for fault in error.errors(include_input=False, include_url=False)
        )
        raise SettingsUnusable(f"The app cannot start. {faults}. See local.settings.sample.json.") from None
