"""The reference monitor, against a double of the service's interface over HTTP."""

import base64
import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from local.api import Api, Refused, retry_after
from local.attestation import Make, device_key
from local.monitor import ATTEMPTS, Monitor, NotRegistered
from local.outbox import Outbox
from local.prerequisites import ROOT
from local.resident import INSTALLATION
from tests.local.fake_service import GROUP, GROUP_KEY, FakeService, problem, unpacked

CALL = {"kind": "call", "outcome": "missed", "observedAt": "2026-11-22T08:00:00.000Z"}
HEALTH = {"kind": "system_health", "cpuPercent": 3.5, "observedAt": "2026-11-22T08:00:00.000Z"}


def call(second: int) -> dict[str, Any]:
    return CALL | {"observedAt": f"2026-11-22T08:00:{second:02d}.000Z"}


wire = pytest.mark.wire


class Bench:
    """A monitor, the service that it talks to, and the pauses that it made."""

    def __init__(self, service: FakeService, api: Api) -> None:
        self.service = service
        self.pauses: list[float] = []
        self.now = 0.0
        self.monitor = Monitor(
            api,
            Make.manufactured({"serialNumber": "VEO-1", "model": "VEO"}, enrolment_group=GROUP, group_key=GROUP_KEY),
            outbox=Outbox(readings_a_message=3),
            pause=self._pause,
            now=lambda: self.now,
        )

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)

    def sent(self) -> list[dict[str, Any]]:
        return [unpacked(attempt) for attempt in self.service.telemetry]


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    service = FakeService()
    async with service.running() as url:
        api = Api.opened(url)
        async with api.session:
            yield Bench(service, api)


@pytest.fixture
async def registered(bench: Bench) -> Bench:
    await bench.monitor.register("c.secret")
    return bench


def test_the_device_key_is_derived_as_azure_derives_it() -> None:
    """The published example of Azure's Device Provisioning Service gives the published key."""
    group_key = "8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw=="
    derived = device_key(group_key, "sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6")
    assert base64.b64encode(derived) == b"Jsm0lyGpjaVYVP2g3FnmnmG9dI/9qU24wNoykUmermc="


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("Thu, 01 Jan 1970 00:01:00 GMT", 50.0),
        ("Thu, 01 Jan 1970 00:00:01 GMT", 0.0),
        ("soon", None),
        (None, None),
    ],
)
def test_a_wait_can_be_asked_for_in_seconds_or_as_a_date(header: str | None, seconds: float | None) -> None:
    """Both forms of Retry-After count; nonsense is as none."""
    assert retry_after(header, now=10.0) == seconds


def test_the_example_payload_is_the_real_apps() -> None:
    """What the resident sends locally is the real app's payload, field by field."""
    assert json.loads(INSTALLATION.read_text()) == json.loads(
        (ROOT / "tests" / "payloads" / "apptoken_request_ios_2026.json").read_text()
    )


@wire
async def test_a_monitor_registers_with_proof_claim_and_device_data(bench: Bench) -> None:
    """The signature holds, and the claim and the data arrive as they are."""
    access = await bench.monitor.register("c.secret")
    assert bench.service.registrations == [{"claim": "c.secret", "device": {"serialNumber": "VEO-1", "model": "VEO"}}]
    assert (access.device_id, access.categories, bench.monitor.registered_anew) == ("d-1", frozenset({"usage"}), True)
    await bench.monitor.register("c.secret")
    assert not bench.monitor.registered_anew


@wire
async def test_an_unregistered_monitor_cannot_send(bench: Bench) -> None:
    """It says so instead of sending without a token."""
    bench.monitor.outbox.add(CALL)
    with pytest.raises(NotRegistered, match="VEO-1"):
        await bench.monitor.flush()
    assert bench.service.telemetry == []


@wire
async def test_readings_are_sent_in_messages_and_counted(registered: Bench) -> None:
    """Seven readings at three a message are three messages; afterwards nothing is left."""
    assert {registered.monitor.observe(call(second)) for second in range(7)} == {True}
    delivered = await registered.monitor.flush()
    assert (delivered.messages, delivered.accepted, len(registered.monitor.outbox)) == (3, 7, 0)
    assert [len(message["readings"]) for message in registered.sent()] == [3, 3, 1]


@wire
async def test_what_is_not_wanted_is_not_even_kept(registered: Bench) -> None:
    """Performance readings are taken only while the token says so."""
    assert not registered.monitor.observe(HEALTH)
    registered.service.categories = ["usage", "performance"]
    await registered.monitor.renew()
    assert registered.monitor.observe(HEALTH)


@wire
async def test_a_message_keeps_id_and_bytes_until_it_is_acknowledged(registered: Bench) -> None:
    """Whatever fails in between, the service sees one message several times."""
    registered.service.answers = [problem(503, "busy"), problem(429, "slow_down", **{"Retry-After": "7"}), None]
    registered.monitor.observe(CALL)
    delivered = await registered.monitor.flush()
    assert len({body for _, body in registered.service.telemetry}) == 1
    assert (len(registered.service.telemetry), delivered.retries) == (3, 2)
    assert registered.pauses[0] <= 0.5
    assert registered.pauses[1] >= 7


@wire
async def test_a_service_that_stays_away_leaves_everything_buffered(registered: Bench) -> None:
    """After a bounded number of tries the monitor gives up for now, and sends the same message the next time."""
    registered.service.answers = [problem(503, "busy") for _ in range(ATTEMPTS)]
    registered.monitor.observe(CALL)
    with pytest.raises(Refused, match="busy"):
        await registered.monitor.flush()
    assert len(registered.monitor.outbox) == 1
    assert len(registered.pauses) == ATTEMPTS - 1
    assert (await registered.monitor.flush()).accepted == 1
    assert len({message["messageId"] for message in registered.sent()}) == 1


@wire
async def test_a_lost_connection_is_tried_again(registered: Bench) -> None:
    """No answer is no acknowledgement."""
    registered.service.answers = ["lost", None]
    registered.monitor.observe(CALL)
    assert (await registered.monitor.flush()).accepted == 1
    assert len({body for _, body in registered.service.telemetry}) == 1
    assert len(registered.pauses) == 1


@wire
async def test_a_token_is_renewed_before_it_expires(registered: Bench) -> None:
    """By the monotonic clock: a monitor with a wrong calendar renews in time all the same."""
    registered.now = timedelta(minutes=47).total_seconds()
    registered.monitor.observe(CALL)
    await registered.monitor.flush()
    assert registered.service.tokens_issued == 1
    registered.now = timedelta(minutes=49).total_seconds()
    registered.monitor.observe(CALL)
    await registered.monitor.flush()
    assert registered.service.tokens_issued == 2


@wire
async def test_every_attempt_says_what_the_clock_shows(registered: Bench) -> None:
    """The message keeps the time of its first attempt: only the header tells a wrong clock from a long wait."""
    registered.service.answers = ["lost", None]
    registered.monitor.observe(CALL)
    await registered.monitor.flush()
    (first, sent), (again, sent_again) = registered.service.telemetry
    written_at = datetime.fromisoformat(json.loads(sent)["sentAt"])
    shown = [datetime.fromisoformat(headers["X-Monitor-Time"]) for headers in (first, again)]
    assert sent == sent_again
    assert written_at <= shown[0] <= shown[1]


@wire
async def test_a_refused_token_is_renewed_once(registered: Bench) -> None:
    """Once helps when keys were replaced; a second refusal is not argued with."""
    registered.service.answers = [problem(401, "token_expired"), None, problem(401, "token_invalid"), problem(401, "x")]
    registered.monitor.observe(CALL)
    assert (await registered.monitor.flush()).accepted == 1
    assert registered.service.telemetry[1][0]["Authorization"] == "Bearer token-2"
    registered.monitor.observe(CALL)
    with pytest.raises(Refused, match="401"):
        await registered.monitor.flush()
    assert len(registered.monitor.outbox) == 1


@wire
async def test_a_reading_that_may_be_sent_again_goes_with_the_next_flush(registered: Bench) -> None:
    """And one that may not is counted by its code and gone."""
    registered.service.retryable_once = {1}
    for second in range(2):
        registered.monitor.observe(call(second))
    registered.monitor.outbox.add(HEALTH)
    delivered = await registered.monitor.flush()
    assert (delivered.accepted, dict(delivered.rejected)) == (1, {"category_not_collected": 1})
    assert (await registered.monitor.flush()).accepted == 1


@wire
async def test_a_reading_that_a_message_has_twice_is_a_duplicate(registered: Bench) -> None:
    """It is told apart from what was accepted."""
    for _ in range(2):
        registered.monitor.observe(CALL)
    delivered = await registered.monitor.flush()
    assert (delivered.accepted, delivered.duplicates) == (1, 1)


@wire
async def test_a_message_that_is_never_taken_does_not_block_the_next(registered: Bench) -> None:
    """It is counted with the code of the refusal."""
    registered.service.answers = [problem(422, "field_unknown")]
    for _ in range(4):
        registered.monitor.observe(CALL)
    delivered = await registered.monitor.flush()
    assert (delivered.accepted, dict(delivered.rejected)) == (1, {"field_unknown": 3})


@wire
async def test_a_new_ownership_empties_the_buffer(registered: Bench) -> None:
    """A former owner's readings are never sent to a new owner's account."""
    registered.monitor.observe(CALL)
    registered.service.ownership_id = "o-2"
    await registered.monitor.register("c2.secret")
    assert len(registered.monitor.outbox) == 0


@wire
async def test_a_large_message_is_compressed(registered: Bench) -> None:
    """Above a kilobyte it is sent as gzip, and what arrives is the message."""
    registered.monitor.outbox._readings_a_message = 60
    for _ in range(60):
        registered.monitor.observe(CALL)
    await registered.monitor.flush()
    ((headers, _),) = registered.service.telemetry
    assert headers["Content-Encoding"] == "gzip"
    assert len(registered.sent()[0]["readings"]) == 60


def test_a_full_buffer_drops_the_oldest_and_says_so() -> None:
    """The newest readings are worth more, and the loss is counted."""
    outbox = Outbox(capacity=2)
    for number in range(3):
        outbox.add({"kind": "call", "number": number})
    message = outbox.current()
    assert message is not None
    assert [reading["number"] for reading in message.readings] == [1, 2]
    assert outbox.dropped == 1
