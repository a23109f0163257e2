"""The main job, step by step, as the service's users do it, over HTTP only. Each step checks what came back."""

import asyncio
import json
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Self
from zipfile import is_zipfile

from local import machine
from local.api import Api
from local.attestation import Make
from local.cloud import LocalCloud
from local.keys import ENROLMENT_GROUP
from local.mail import kept_in
from local.monitor import Access, Monitor
from local.narration import Narration, Step, StepFailed
from local.outbox import Message
from local.prerequisites import ROOT
from local.resident import Resident, mentions
from local.simulation import MONITOR, RESIDENT, morning

CASE_DAYS: Final = 7
LINK_MINUTES: Final = 5
STORED_WITHIN_SECONDS: Final = 60
EXPORTED_WITHIN_SECONDS: Final = 180
MAILED_WITHIN_SECONDS: Final = 60


@dataclass(slots=True)
class Story:
    """The story and what the steps hand to each other."""

    cloud: LocalCloud
    tell: Narration
    api: Api
    resident: Resident
    monitor: Monitor
    bundle: Path = Path()
    export_id: str = ""
    last_received_at: str = ""
    begun: datetime = field(default_factory=lambda: datetime.now(UTC))
    readings_of: dict[str, int] = field(default_factory=dict)
    """How many readings of each message must be in the export."""

    @classmethod
    def in_cloud(cls, cloud: LocalCloud, tell: Narration) -> Self:
        """The resident and the monitor of the story, in a cloud that runs."""
        api = Api.opened(cloud.host_url)
        (group_key, *_) = json.loads(cloud.settings["BLUE_ENROLMENT_GROUPS"])[ENROLMENT_GROUP]
        return cls(
            cloud=cloud,
            tell=tell,
            api=api,
            resident=Resident(api, issuer=cloud.addresses.identity, email=RESIDENT),
            monitor=Monitor(api, Make.manufactured(MONITOR, enrolment_group=ENROLMENT_GROUP, group_key=group_key)),
        )

    async def all_steps(self) -> None:
        """Every step, in order.

        Raises:
            StepFailed, Refused, aiohttp.ClientError, TimeoutError: a step did not hold.
        """
        async with self.api.session:
            await self.sign_in()
            await self.register_installation()
            await self.register_monitor(await self.ask_for_claim())
            await self.close_left_case()
            await self.send_usage()
            await self.show_refusal()
            case_id = await self.open_case()
            await self.send_performance()
            await self.wait_until_stored()
            await self.list_monitor()
            await self.close_case(case_id)
            await self.read_everything()
            await self.request_export()
            await self.download()
            await self.verify()
            self.compare()
            await self.read_notifications()

    @property
    def access(self) -> Access:
        """The monitor's access."""
        if self.monitor.access is None:
            raise StepFailed("The monitor has no access: it was not registered.")
        return self.monitor.access

    async def sign_in(self) -> None:
        """The first sign-in makes the person."""
        with self.tell.step("The resident signs in") as step:
            await self.resident.sign_in()
            me = await self.resident.me()
            step.check(me["email"] == RESIDENT, "The service answered about another person than the one signed in.")
            step.result(f"person {me['personId']}, known since {me['createdAt']}")

    async def register_installation(self) -> None:
        """The payload is the real app's."""
        with self.tell.step("Their phone registers the Blue app") as step:
            first = await self.resident.register_installation()
            again = await self.resident.register_installation()
            step.check(again.status == 200, f"A repeated registration was answered with {again.status}, not 200.")  # noqa: PLR2004  HTTP's OK
            step.check(
                first["installationId"] == again["installationId"],
                "A repeated registration made a second installation.",
            )
            step.result(f"installation {first['installationId']}, {'new' if first.status == 201 else 'known'}")  # noqa: PLR2004  HTTP's Created

    async def ask_for_claim(self) -> str:
        """What the phone shows to the monitor as a QR code."""
        with self.tell.step("The resident asks for a claim, to show to the monitor as a QR code") as step:
            answer = await self.resident.claim()
            claim = str(answer["claim"])
            claim_id, _, secret = claim.partition(".")
            step.check(claim_id == answer["claimId"] and secret, "The claim is not of the form <claimId>.<secret>.")
            step.check(_moment(answer["expiresAt"]) > datetime.now(UTC), "The claim has expired before it was used.")
            step.result(f"claim {claim_id}, until {answer['expiresAt']}; its secret is not shown")
            return claim

    async def register_monitor(self, claim: str) -> None:
        """Challenge, proof, registration."""
        with self.tell.step("The monitor answers a challenge, proves its make and registers") as step:
            access = await self.monitor.register(claim)
            step.check("usage" in access.categories, "The monitor's token does not allow usage readings.")
            step.result(
                f"device {access.device_id}, {'new' if self.monitor.registered_anew else 'registered again'}; "
                f"may send: {', '.join(sorted(access.categories))}"
            )

    async def close_left_case(self) -> None:
        """A run that was interrupted may have left its support case open."""
        left = self._left_case
        if "performance" not in self.access.categories:
            left.unlink(missing_ok=True)
            return
        with self.tell.step("The resident closes the support case that an interrupted run left open") as step:
            step.check(left.exists(), "A support case is open that this walkthrough did not open: start with --fresh.")
            await self.resident.close_support_case(self.access.device_id, left.read_text())
            left.unlink()
            await self.monitor.renew()
            step.check("performance" not in self.access.categories, "Another support case is open: start with --fresh.")

    @property
    def _left_case(self) -> Path:
        return self.cloud.state.root / "open-case"

    async def send_usage(self) -> None:
        """Calls and door openings."""
        with self.tell.step("The monitor sends usage readings: calls and door openings") as step:
            for reading in morning(datetime.now(UTC)):
                self.monitor.observe(reading)
            await self._flush(step)

    async def _flush(self, step: Step) -> None:
        message = self.monitor.outbox.current()
        if message is None:
            raise StepFailed("The monitor has nothing to send.")
        count = len(self.monitor.outbox)
        delivered = await self.monitor.flush()
        step.check(not delivered.rejected, f"Readings were rejected: {dict(delivered.rejected)}.")
        step.check(delivered.accepted == count, f"{delivered.accepted} of {count} readings were accepted.")
        self.last_received_at = delivered.received_at
        self.readings_of[message.message_id] = count
        step.result(f"{count} readings accepted at {delivered.received_at}")

    async def show_refusal(self) -> None:
        """What is not wanted is refused at the door, with a code."""
        with self.tell.step("A performance reading without a support case is refused") as step:
            message = Message.of([machine.system_health()])
            answer = await self.monitor.send(message)
            self.readings_of[message.message_id] = 0
            receipt = answer["receipts"][0]
            step.check(
                receipt["status"] == "rejected" and receipt["code"],
                f"The reading was {receipt['status']}, though no support case is open.",
            )
            step.result(f"rejected with code {receipt['code']}; nothing of it is kept")

    async def open_case(self) -> str:
        """The owner agrees to performance data for a while."""
        with self.tell.step(f"The resident opens a support case for {CASE_DAYS} days") as step:
            case = await self.resident.open_support_case(self.access.device_id, days=CASE_DAYS)
            case_id = str(case["caseId"])
            self._left_case.write_text(case_id)
            length = _moment(case["expiresAt"]) - _moment(case["openedAt"])
            step.check(length == timedelta(days=CASE_DAYS), f"The case lasts {length}, not {CASE_DAYS} days.")
            step.result(f"case {case_id}, until {case['expiresAt']}")
            return case_id

    async def send_performance(self) -> None:
        """This machine's own readings."""
        with self.tell.step("The monitor renews its token and sends this machine's own readings") as step:
            access = await self.monitor.renew()
            step.check("performance" in access.categories, "The renewed token does not allow performance readings.")
            health = await asyncio.to_thread(machine.system_health)
            failures = await asyncio.to_thread(machine.system_failures)
            for reading in (health, *failures.readings, machine.event_log(failures)):
                self.monitor.observe(reading)
            await self._flush(step)
            step.result(_in_short(health))
            step.result(f"{len(failures.readings)} failing components; source: {failures.source}")

    async def wait_until_stored(self) -> None:
        """HTTP, hub, function, database: then the device was seen."""
        with self.tell.step("The readings travel through the hub into the database") as step:
            seen = await step.until(self._seen, STORED_WITHIN_SECONDS, "stored")
            step.result(f"last seen {seen}")

    async def _seen(self) -> str | None:
        seen: str | None = (await self._device()).get("lastSeenAt")
        return seen if seen and _moment(seen) >= _moment(self.last_received_at) else None

    async def _device(self) -> dict[str, Any]:
        found = [device for device in await self.resident.devices() if device["deviceId"] == self.access.device_id]
        if len(found) != 1:
            raise StepFailed(f"The resident's list has the monitor {len(found)} times, not once.")
        return found[0]

    async def list_monitor(self) -> None:
        """Age and warranty are derived when they are read."""
        with self.tell.step("The resident lists their monitor") as step:
            device = await self._device()
            for name in ("serialNumber", "model", "firmwareVersion", "region"):
                step.check(device[name] == MONITOR[name], f"The monitor's {name} is not what it sent.")
            age = (datetime.now(UTC) - _moment(str(MONITOR["manufacturedAt"]))).days
            step.check(abs(device["ageDays"] - age) <= 1, f"It is {device['ageDays']} days old instead of {age}.")
            warranty = device["warranty"]
            step.check(warranty["status"] and warranty["basis"], "The warranty has no status or no basis.")
            step.result(
                f"{device['model']}, firmware {device['firmwareVersion']}, serial number {device['serialNumber']}"
            )
            step.result(
                f"{device['ageDays']} days old; warranty {warranty['status']} until {warranty['endsOn']}, "
                f"counted from {warranty['basis']}; last seen {device['lastSeenAt']}"
            )

    async def close_case(self, case_id: str) -> None:
        """From here on performance data is refused again."""
        with self.tell.step("The resident closes the support case") as step:
            await self.resident.close_support_case(self.access.device_id, case_id)
            self._left_case.unlink(missing_ok=True)
            access = await self.monitor.renew()
            step.check("performance" not in access.categories, "The monitor may still send performance readings.")
            step.result(f"the monitor's next token allows: {', '.join(sorted(access.categories))}")

    async def read_everything(self) -> None:
        """Live, page by page: as many items as the overview counts, and every reading that was accepted."""
        with self.tell.step("The resident reads everything that is held about them, live") as step:
            told = await self.resident.held()
            counts: dict[str, int] = {}
            readings = dict.fromkeys(self.readings_of, 0)
            for category in (one["category"] for one in told["categories"]):
                async for item in self.resident.items_held(category):
                    counts[category] = counts.get(category, 0) + 1
                    for reading in item.get("readings", ()):
                        readings[reading["messageId"]] = readings.get(reading["messageId"], 0) + 1
            for one in told["categories"]:
                found = counts.get(one["category"], 0)
                more = one.get("atLeast", False) and found >= one["items"]
                step.check(more or found == one["items"], f"{one['category']}: {found} items, {one['items']} counted.")
            sent = {message_id: readings[message_id] for message_id in self.readings_of}
            step.check(sent == self.readings_of, f"Readings sent: {self.readings_of}. Shown: {sent}.")
            step.result(", ".join(f"{category} {count}" for category, count in counts.items()))

    async def request_export(self) -> None:
        """A job, so it is asked how far it is."""
        with self.tell.step("The resident asks for everything that is held about them") as step:
            self.export_id = (await self.resident.request_export())["exportId"]
            await step.until(lambda: self._ready(step), EXPORTED_WITHIN_SECONDS, "ready")
            step.result(f"export {self.export_id} is ready")

    async def _ready(self, step: Step) -> bool | None:
        job = await self.resident.export(self.export_id)
        if job["state"] == "ready":
            return True
        step.check(job["state"] in {"queued", "running"}, f"The export is {job['state']}.")
        step.progress(f"{job['state']}, {job['stepsDone']} of {job['stepsTotal'] or '?'} steps")
        return None

    async def download(self) -> None:
        """A link for minutes to one file."""
        with self.tell.step("They download it by a link that is good for minutes") as step:
            link = await self.resident.export_link(self.export_id)
            life = _moment(link["expiresAt"]) - datetime.now(UTC)
            step.check(life <= timedelta(minutes=LINK_MINUTES, seconds=5), f"The link is good for {life}.")
            self.bundle = self.cloud.state.exports / f"{self.export_id}.zip"
            size = await self.resident.download(link["url"], self.bundle)
            step.check(is_zipfile(self.bundle), "What was downloaded is not a ZIP file.")
            step.result(f"{size:,} bytes in {self.bundle}")

    async def verify(self) -> None:
        """With the service's own tool, and its published keys."""
        keys = f"{self.cloud.host_url}/api/keys"
        command = [sys.executable, "-m", "export_user_data.verify", str(self.bundle), "--keys", keys]
        with self.tell.step("Anyone can verify the export: signature, manifest, checksums") as step:
            process = await asyncio.create_subprocess_exec(
                *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
            )
            said = (await process.communicate())[0].decode()
            step.check(process.returncode == 0, f"The export does not verify: {said}")
            for line in said.splitlines():
                step.result(line)

    def compare(self) -> None:
        """What was accepted is in it, and what was refused is not."""
        with self.tell.step("Every reading that was accepted today is in it, and nothing that was refused") as step:
            found = mentions(self.bundle, self.readings_of)
            step.check(found == self.readings_of, f"Readings sent: {self.readings_of}. In the export: {found}.")
            step.result(f"{sum(found.values())} readings of {len(found)} messages")

    async def read_notifications(self) -> None:
        """They are in the app at once; the mails of them come within seconds."""
        with self.tell.step("The resident reads what they were told, in the app and by mail") as step:
            told = [one for one in await self.resident.notifications() if _moment(one["createdAt"]) >= self.begun]
            kinds = {one["kind"] for one in told}
            step.check(
                kinds >= {"support_case_opened", "support_case_closed", "export_ready"},
                f"They were told nothing but: {', '.join(sorted(kinds))}.",
            )
            mails = await step.until(lambda: self._mails_of(told), MAILED_WITHIN_SECONDS, "mailed")
            step.check(set(mails) == {RESIDENT}, "A mail went to somebody else.")
            for one in told:
                read = await self.resident.read_notification(one["notificationId"])
                step.check(read["readAt"], "A notification that was read is not kept as read.")
                step.result(f"{one['createdAt']}  {one['subject']}")
            step.result(f"{len(mails)} mails in {self.cloud.state.mail}; none left this machine")

    async def _mails_of(self, told: list[dict[str, Any]]) -> list[str] | None:
        """Whom the mails went to, when there is one for each notification."""
        ids = tuple(f"<{one['notificationId']}@" for one in told)
        found = [mail["Delivered-To"] for mail in kept_in(self.cloud.state.mail) if mail["Message-ID"].startswith(ids)]
        return found if len(found) == len(told) else None


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _in_short(health: dict[str, Any]) -> str:
    temperature = f"{health['temperatureC']} °C" if "temperatureC" in health else "no temperature sensor"
    return (
        f"processor {health['cpuPercent']} %, memory {health['memoryUsedMb']:,} of {health['memoryTotalMb']:,} MB, "
        f"{temperature}, up {health['uptimeS']:,} s, {health['storageFreeMb']:,} MB free"
    )
