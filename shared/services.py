"""What use cases stand on, built once per worker process inside its running loop, from the settings."""

import asyncio
import contextlib
import gc
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shared.clock import Clock, system_clock

if TYPE_CHECKING:
    from shared.blobs import Blobs
    from shared.cosmos import Database
    from shared.counters import Counters
    from shared.hubs import Hubs
    from shared.journal import Journal
    from shared.keys import KeySet
    from shared.mail import Mailer
    from shared.settings import Settings
    from shared.sign_in import SignIn
    from shared.vault import VaultStore
    from shared.webhooks import Webhooks

DEVICE_TOKENS_SIGNED_BY: Final = "HS256"
"""The same app issues and verifies device tokens at every message, and an HMAC is the cheaper check."""

EXPORTS_SIGNED_BY: Final = "ES256"
"""What a key vault can hold, and what anybody can verify."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Stores, senders, keys and clock."""

    settings: "Settings"
    clock: Clock
    database: "Database"
    counters: "Counters"
    hubs: "Hubs"
    blobs: "Blobs"
    host_blobs: "Blobs"
    """The storage account of the Functions host, which may be another one."""
    mailer: "Mailer"
    sign_in: "SignIn"
    webhooks: "Webhooks"
    device_keys: "KeySet"
    export_keys: "KeySet"
    journal: "Journal"
    vault: "VaultStore"
    """What is blocked, for courts and authorities alone."""
    resources: contextlib.AsyncExitStack

    async def close(self) -> None:
        """Close every connection."""
        await self.resources.aclose()


ServicesSource = Callable[[], Awaitable[Services]]
"""Gives the services, building them at the first call."""


async def open_services(
    settings: "Settings | None" = None, clock: Clock = system_clock, *, replaying: bool = False
) -> Services:
    """Connect to everything; Azure's clients are loaded here and not before.

    Raises:
        SettingsUnusable: the environment lacks a setting.
        RestoredDatabase: the database was restored, and this is not the command that mends it.
    """
    import aiohttp  # noqa: PLC0415 - loaded where used
    from azure.core.settings import settings as azure_settings  # noqa: PLC0415 - loaded where used

    from shared.blobs import Blobs  # noqa: PLC0415 - loaded where used
    from shared.cosmos import Database  # noqa: PLC0415 - loaded where used
    from shared.counters import Counters  # noqa: PLC0415 - loaded where used
    from shared.hubs import Hubs  # noqa: PLC0415 - loaded where used
    from shared.journal import Journal, refuse_restored  # noqa: PLC0415 - loaded where used
    from shared.keys import KeySet  # noqa: PLC0415 - loaded where used
    from shared.mail import Mailer  # noqa: PLC0415 - loaded where used
    from shared.settings import load_settings  # noqa: PLC0415 - loaded where used
    from shared.sign_in import SignIn  # noqa: PLC0415 - loaded where used
    from shared.vault import KeyEncryptionKeys, VaultStore  # noqa: PLC0415 - loaded where used
    from shared.webhooks import Webhooks  # noqa: PLC0415 - loaded where used

    # The worker logs at INFO, and so would the clients: a line per request, with addresses that hold ids.
    logging.getLogger("azure").setLevel(logging.WARNING)
    # Nor do they trace: spans would name the same addresses, and asking whether to takes 4 % of a request's CPU.
    azure_settings.tracing_enabled = False
    settings = settings or load_settings()
    async with contextlib.AsyncExitStack() as stack:
        credential = None
        if settings.cosmos_key is None:
            from azure.identity.aio import DefaultAzureCredential  # noqa: PLC0415 - loaded where used

            credential = await stack.enter_async_context(DefaultAzureCredential())
        database = await Database.open(
            settings.cosmos_endpoint,
            settings.cosmos_key.get_secret_value() if settings.cosmos_key else credential,
            settings.cosmos_database,
        )
        stack.push_async_callback(database.close)
        counters = Counters(database["counters"], clock)
        stack.push_async_callback(counters.close)
        hubs = Hubs.open(
            connection=settings.event_hubs.get_secret_value() if settings.event_hubs else None,
            namespace=settings.event_hubs_namespace,
            credential=credential,
        )
        stack.push_async_callback(hubs.close)
        blobs = Blobs.open(
            connection=settings.blob_connection.get_secret_value() if settings.blob_connection else None,
            account_url=settings.blob_account_url,
            credential=credential,
        )
        stack.push_async_callback(blobs.close)
        host_blobs = Blobs.open(
            connection=settings.host_storage.get_secret_value() if settings.host_storage else None,
            account_url=settings.host_storage_address,
            credential=credential,
        )
        stack.push_async_callback(host_blobs.close)
        journal = Journal(blobs)
        if not replaying:
            await refuse_restored(database, journal)
        session = await stack.enter_async_context(aiohttp.ClientSession(trust_env=False))
        # Recipients are strangers: nothing of theirs is unpacked, and no cookie of theirs is kept.
        outward = await stack.enter_async_context(
            aiohttp.ClientSession(trust_env=False, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar())
        )
        export_keys = KeySet(settings.export_keys, EXPORTS_SIGNED_BY)
        return Services(
            settings=settings,
            clock=clock,
            database=database,
            counters=counters,
            hubs=hubs,
            blobs=blobs,
            host_blobs=host_blobs,
            journal=journal,
            mailer=Mailer.of(
                settings.smtp_url,
                sender=settings.mail_from,
                password=settings.smtp_password.get_secret_value() if settings.smtp_password else None,
            ),
            sign_in=SignIn(settings.sign_in_issuer, settings.sign_in_audience, session),
            webhooks=Webhooks(settings.recipients, export_keys, outward),
            device_keys=KeySet(settings.device_token_keys, DEVICE_TOKENS_SIGNED_BY),
            vault=VaultStore(database, blobs, KeyEncryptionKeys(settings.vault_keys)),
            export_keys=export_keys,
            resources=stack.pop_all(),
        )


def built_once(build: Callable[[], Awaitable[Services]] = open_services) -> ServicesSource:
    """A source that builds at its first call and keeps what it built; a failed build is tried again."""
    kept: list[tuple[Services, AsyncGenerator[Services]]] = []
    building = asyncio.Lock()

    async def source() -> Services:
        if not kept:
            async with building:
                if not kept:
                    keeper = _until_the_loop_ends(build)
                    kept.append((await anext(keeper), keeper))
        return kept[0][0]

    return source


async def _until_the_loop_ends(build: Callable[[], Awaitable[Services]]) -> AsyncGenerator[Services]:
    """The Functions worker has no shutdown hook, but a loop that ends closes the generators that it has started."""
    services = await build()
    gc.freeze()  # what was loaded and built lives as long as the process: no collection looks at it again
    try:
        yield services
    finally:
        await services.close()
