"""Transfers: a portable copy goes where its person says, once, and nowhere inside."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from functools import partial

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from export_user_data import exports, inbox
from export_user_data.transfers import transfers
from export_user_data.transfers.sending import NotTaken, check_endpoint, hand_over, is_public_address
from shared import clock as clocks
from shared import ledger
from shared.blobs import EXPORTS, Blobs
from shared.cosmos import Database, Item
from shared.errors import Problem
from shared.injection import Point, listening
from shared.jobs import ATTEMPTS_LIMIT, Lease, run_job
from shared.people import own_record
from tests.conftest import SettableClock
from tests.doubles import RecordingHub, changed, resident_of
from tests.hosts import cut_off
from tests.people import IDENTITY_KEY

COPY = b"PK" + bytes(range(256)) * 3_000


async def copy() -> AsyncIterator[bytes]:
    for begin in range(0, len(COPY), 1 << 16):
        yield COPY[begin : begin + (1 << 16)]


@dataclass
class OtherProvider:
    """Somebody who takes copies; `statuses` are what the next ones are answered with."""

    address: str = ""
    taken: list[tuple[bytes, dict[str, str]]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    strayed: int = 0

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        status = self.statuses.pop(0) if self.statuses else 201
        if status < 300:
            self.taken.append((body, dict(request.headers)))
        return web.Response(status=status, headers={"Location": "/elsewhere"} if status == 307 else {})

    async def stray(self, _request: web.Request) -> web.Response:
        self.strayed += 1
        return web.Response(status=201)


@pytest.fixture
async def provider() -> AsyncIterator[OtherProvider]:
    found = OtherProvider()
    app = web.Application(client_max_size=1 << 26)
    app.router.add_put("/copies", found.take)
    app.router.add_put("/elsewhere", found.stray)
    async with TestServer(app) as server:
        found.address = str(server.make_url("/copies?secret=of-maria"))
        yield found


@dataclass
class Desk:
    """Maria's transfers, in one hand."""

    database: Database
    blobs: Blobs
    clock: SettableClock
    export_id: str = ""

    async def export(self, scope: str = "portability") -> None:
        """A finished export."""
        jobs = self.database["jobs"]
        asked = await exports.request_export(
            "maria", scope, database=self.database, hub=RecordingHub(), now=self.clock()
        )
        self.export_id = asked.export_id
        name = f"{self.export_id}/1.zip"
        await self.blobs.upload(EXPORTS, name, copy())

        async def build(lease: Lease) -> None:
            await lease.commit(blobName=name, bytes=len(COPY), readyAt=clocks.text(self.clock()))

        await run_job(self.export_id, {"export": build}, jobs=jobs, hub=RecordingHub(), now=self.clock)

    async def ask(self, endpoint: str) -> str:
        asked = await transfers.request_transfer(
            "maria",
            self.export_id,
            endpoint,
            database=self.database,
            hub=RecordingHub(),
            identity_key=IDENTITY_KEY,
            is_deployed=False,
            now=self.clock(),
        )
        return asked.transfer_id

    async def work(self, transfer_id: str) -> str:
        async def tell(item: Item, state: str) -> None:
            await transfers.tell_end(item, state, database=self.database, now=self.clock())

        step = partial(transfers.transfer, database=self.database, blobs=self.blobs, is_deployed=False)
        jobs = self.database["jobs"]
        return await run_job(
            transfer_id, {transfers.KIND: step}, jobs=jobs, hub=RecordingHub(), now=self.clock, ending=tell
        )

    async def state(self, transfer_id: str, person_id: str = "maria") -> str:
        jobs = self.database["jobs"]
        return (await transfers.transfer_state(person_id, self.export_id, transfer_id, jobs=jobs)).state

    async def told(self) -> list[str]:
        page = await inbox.page("maria", None, people=self.database["people"])
        return [one.kind for one in page.notifications]

    async def actions(self) -> list[tuple[str, str | None]]:
        subject = await ledger.subject_of("maria", people=self.database["people"])
        entries = self.database["ledger"].query(ledger.CHAIN, partition=subject)
        return [(one["action"], one["details"].get("outcome")) async for one in entries if "transfer" in one["action"]]


@pytest.fixture
async def desk(database: Database, blobs: Blobs, clock: SettableClock) -> Desk:
    found = Desk(database, blobs, clock)
    await own_record(resident_of("maria"), database=database, now=clock())
    await found.export()
    return found


@pytest.mark.wire
async def test_the_other_provider_has_every_byte(desk: Desk, provider: OtherProvider) -> None:
    """Ledger and person are told, and the address with its secret is forgotten."""
    transfer_id = await desk.ask(provider.address)
    assert await desk.state(transfer_id) == "queued"
    assert await desk.work(transfer_id) == "done"
    [(body, headers)] = provider.taken
    assert body == COPY
    assert (headers["Content-Type"], headers["Content-Length"]) == ("application/zip", str(len(COPY)))
    assert await desk.state(transfer_id) == "handed_over"
    assert await desk.told() == ["export_handed_over"]
    assert await desk.actions() == [("transfer_requested", None), ("transfer_ended", "handed_over")]
    stored = await desk.database["jobs"].read(transfer_id, transfer_id)
    assert "secret" not in str(stored)


@pytest.mark.wire
async def test_asking_again_is_the_same_transfer(desk: Desk, provider: OtherProvider) -> None:
    """Not a second copy at the same address."""
    first = await desk.ask(provider.address)
    await desk.work(first)
    assert await desk.ask(provider.address) == first
    assert await desk.work(first) == "nothing to do"
    assert len(provider.taken) == 1


@pytest.mark.wire
@pytest.mark.parametrize("status", [307, 403, 413])
async def test_a_refusal_is_an_answer(desk: Desk, provider: OtherProvider, status: int) -> None:
    """No second attempt, no redirection is followed, and the person is told."""
    provider.statuses = [status]
    transfer_id = await desk.ask(provider.address)
    assert await desk.work(transfer_id) == "done"
    assert await desk.state(transfer_id) == "refused"
    assert (provider.taken, provider.strayed) == ([], 0)
    assert await desk.told() == ["export_not_handed_over"]


@pytest.mark.wire
async def test_an_outage_is_tried_again(desk: Desk, provider: OtherProvider) -> None:
    """Under the same key, by which the other side knows a repeat."""
    provider.statuses = [503, 429]
    transfer_id = await desk.ask(provider.address)
    for _ in range(3):
        await desk.work(transfer_id)
        desk.clock.forward(minutes=5)
    assert await desk.state(transfer_id) == "handed_over"
    assert provider.taken[0][1]["Idempotency-Key"] == transfer_id


@pytest.mark.wire
async def test_who_never_answers_is_given_up(desk: Desk) -> None:
    """The person is told so, once."""
    transfer_id = await desk.ask("http://127.0.0.1:9/copies")
    for _ in range(ATTEMPTS_LIMIT):
        await desk.work(transfer_id)
        desk.clock.forward(hours=1)
    assert await desk.state(transfer_id) == "failed"
    assert "copies" not in str(await desk.database["jobs"].read(transfer_id, transfer_id))
    assert await desk.told() == ["export_not_handed_over"]
    assert await desk.actions() == [("transfer_requested", None), ("transfer_ended", "failed")]


async def die_once_sent(point: Point) -> None:
    if point == "transfer.sent":
        raise KeyboardInterrupt  # what a step raises otherwise is a failure that its worker survives


@pytest.mark.wire
async def test_a_worker_that_dies_after_sending_sends_again_under_the_same_key(
    desk: Desk, provider: OtherProvider
) -> None:
    """At least once there; here it ends as if nothing had happened."""
    transfer_id = await desk.ask(provider.address)
    with listening(die_once_sent), pytest.raises(KeyboardInterrupt):
        await desk.work(transfer_id)
    desk.clock.forward(minutes=5)
    assert await desk.work(transfer_id) == "done"
    assert [headers["Idempotency-Key"] for _, headers in provider.taken] == [transfer_id] * 2
    assert await desk.told() == ["export_handed_over"]


@pytest.mark.wire
async def test_what_was_not_taken_may_be_sent_again(desk: Desk, provider: OtherProvider) -> None:
    """As another transfer, which takes another of the five places."""
    provider.statuses = [403]
    first = await desk.ask(provider.address)
    await desk.work(first)
    second = await desk.ask(provider.address)
    await desk.work(second)
    assert [await desk.state(one) for one in (first, second)] == ["refused", "handed_over"]


@pytest.mark.wire
async def test_nothing_of_who_is_being_erased_is_sent(desk: Desk, provider: OtherProvider) -> None:
    """From the moment at which their gate is closed, also while the copy is still there."""
    transfer_id = await desk.ask(provider.address)
    await changed(desk.database["people"], "maria", lambda policy: replace(policy, tombstone=True))
    await desk.work(transfer_id)
    assert (await desk.state(transfer_id), provider.taken) == ("refused", [])


@pytest.mark.wire
async def test_a_request_that_was_cut_off_is_asked_again(desk: Desk, provider: OtherProvider) -> None:
    """It takes no second place of the five."""
    await cut_off("transfer.room_taken", desk.ask(provider.address))
    transfer_id = await desk.ask(provider.address)
    export = await desk.database["jobs"].read(desk.export_id, desk.export_id)
    assert export is not None
    assert export["transfers"] == [transfer_id]


@pytest.mark.wire
async def test_one_export_goes_to_five_addresses(desk: Desk) -> None:
    """Nobody makes this service send to everybody."""
    for number in range(5):
        await desk.ask(f"http://127.0.0.1:9/{number}")
    with pytest.raises(Problem, match="transfers_too_many"):
        await desk.ask("http://127.0.0.1:9/5")


@pytest.mark.wire
async def test_only_a_portable_copy_is_sent(desk: Desk) -> None:
    """A copy of everything holds what is the person's to see and no other provider's."""
    await desk.export("access")
    with pytest.raises(Problem, match="export_not_portable"):
        await desk.ask("http://127.0.0.1:9/")


@pytest.mark.wire
async def test_an_expired_export_is_not_sent(desk: Desk, provider: OtherProvider) -> None:
    """Neither asked for too late, nor when it expires while it waits."""
    transfer_id = await desk.ask(provider.address)
    desk.clock.forward(days=8)
    with pytest.raises(Problem, match="export_expired"):
        await desk.ask(provider.address)
    await desk.work(transfer_id)
    assert (await desk.state(transfer_id), provider.taken) == ("refused", [])


@pytest.mark.wire
async def test_somebody_elses_transfer_is_unknown(desk: Desk, provider: OtherProvider) -> None:
    """As one that never was."""
    transfer_id = await desk.ask(provider.address)
    with pytest.raises(Problem, match="transfer_unknown"):
        await desk.state(transfer_id, "jordi")
    with pytest.raises(Problem, match="transfer_unknown"):
        await desk.state("0" * 32)


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://provider.example/copies",
        "https://127.0.0.1/copies",
        "https://[::1]/copies",
        "https://[::1/copies",
        "https://10.0.0.1/",
        "https://localhost/copies",
        "https://１２７.０.０.１/copies",  # noqa: RUF001 - digits that a client reads as an address
        "https://①②⑦.0.0.1/copies",
        "https://metadata/copies",
        "https://user@provider.example/copies",
        "https://provider.example:8443/copies",
        "https://provider.example:port/copies",
        "https://provider.example/copies#part",
        "ftp://provider.example/copies",
        "provider.example/copies",
    ],
)
def test_a_deployed_app_sends_to_public_https_alone(endpoint: str) -> None:
    """By the name of a host, so that where it leads is looked at when it is connected to."""
    with pytest.raises(Problem, match="endpoint_unusable"):
        check_endpoint(endpoint, is_deployed=True)


def test_a_public_address_may_hold_a_secret() -> None:
    """As signed addresses for uploads do."""
    check_endpoint("https://copies.provider.example/u/1?signature=abc", is_deployed=True)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2001:4860:4860::8888", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("0.0.0.0", False),  # noqa: S104 - nothing listens there
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
    ],
)
def test_what_a_public_address_is(address: str, public: bool) -> None:
    """Also when it is hidden in another one."""
    assert is_public_address(address) is public


@pytest.mark.wire
async def test_a_name_that_leads_inside_is_not_connected_to(provider: OtherProvider) -> None:
    """Whatever a stranger's name server says: `localhost` stands for any such name."""
    address = provider.address.replace("127.0.0.1", "localhost")
    with pytest.raises(NotTaken, match=r"^Client"):
        await hand_over(address, copy(), len(COPY), repeat_key="1", is_deployed=True)
    with pytest.raises(NotTaken, match=r"^Client"):  # nor an address itself
        await hand_over(provider.address, copy(), len(COPY), repeat_key="1", is_deployed=True)
    assert provider.taken == []
    assert await hand_over(address, copy(), len(COPY), repeat_key="1", is_deployed=False)
