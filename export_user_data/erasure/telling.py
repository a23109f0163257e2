"""Who learns of an erasure: the ledger, every recipient, and the person whose address is about to be forgotten."""

import hashlib
import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from export_user_data.erasure.plan import fate
from export_user_data.erasure.tools import Tools
from shared import clock
from shared.cosmos import Item
from shared.data_map import Category
from shared.ledger import SERVICE, THE_PERSON, Step, record, record_about
from shared.mail import Mail, NotSent
from shared.notifications import notify
from shared.recipients import acknowledgements, tell_recipients
from shared.templates import language_of, rendered

_log = logging.getLogger("blue.erasure")


async def record_step(
    item: Item, action: str, details: Mapping[str, str | int], *, tools: Tools, now: datetime
) -> None:
    """Add a step to the person's chain; while there is a person it is found by them, then by its random name."""
    actor = THE_PERSON if action == "erasure_requested" else SERVICE
    step = Step(item["jobId"], action, actor, {"erasureId": item["jobId"], **details})
    if "ledgerSubject" in item:
        await record(item["ledgerSubject"], step, ledger=tools.database["ledger"], now=now)
    else:
        await record_about(item["personId"], step, database=tools.database, now=now)


async def send_last_mail(item: Item, *, tools: Tools, now: datetime) -> bool:
    """Tell the person that it is done; whether a mail server took it. A repeat has the same id, and is recognised."""
    found = item["identifiers"]
    parameters = {"requested": clock.moment(item["createdAt"]), "until": clock.moment(item["lapsesAt"])}
    if item["scope"] != "person":
        people = tools.database["people"]
        await notify(found["personId"], "erasure_done", item["jobId"], parameters, people=people, now=now)
        return True
    if "email" not in found:
        return False
    language = language_of(found.get("language"))
    text = rendered("erasure_done", {name: clock.text(moment) for name, moment in parameters.items()}, language)
    mail = Mail(
        message_id=hashlib.sha256(f"erasure_done\n{item['jobId']}".encode()).hexdigest()[:32],
        recipient=found["email"],
        subject=text.subject,
        body=text.body,
        language=language.value,
        written_at=clock.moment(item["erasedAt"]),
    )
    try:
        await tools.mailer.send(mail)
    except NotSent as failure:
        _log.warning("the last mail of an erasure was not sent: %s", failure)
        return False
    return True


async def tell_recipients_of(item: Item, *, tools: Tools, now: datetime) -> None:
    """Let every recipient of what was erased know; of a person what it may know them by."""
    found = item["identifiers"]
    category = Category(item["category"]) if "category" in item else None
    await tell_recipients(
        item["jobId"],
        "erasure",
        {"scope": item["scope"], **{name: found[name] for name in ("email",) if name in found}},
        categories=[one for one, _ in fate(item["scope"], category)],
        person_id=found["personId"] if item["scope"] != "person" else None,
        database=tools.database,
        webhooks=tools.webhooks,
        now=now,
    )


async def acknowledged(item: Item, *, tools: Tools) -> list[dict[str, Any]]:
    """Which recipients were told, and when each said that it knows."""
    found = await acknowledgements(item["jobId"], database=tools.database)
    return [
        {
            "recipient": one.recipient,
            "state": one.state,
            "toldAt": clock.text(one.told_at),
            "acknowledgedAt": clock.text(one.acknowledged_at) if one.acknowledged_at is not None else None,
        }
        for one in found
    ]
