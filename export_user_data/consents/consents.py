"""Consents: per purpose, to a text in a version, given and withdrawn in the same way.

Whether a consent stands lies in the person's gate; every time that it was said is an entry, which is never changed.
"""

from dataclasses import replace
from datetime import datetime

from export_user_data.consents.contract import Consent, ConsentEntry, Consenting, Consents, ConsentText
from export_user_data.consents.recording import By, choices_of, entries, last, record, record_again
from export_user_data.consents.settling import Stores, settle
from shared import clock, consent_texts
from shared.choices import OWN_CONSENT, needs_consent
from shared.cosmos import Container, Item
from shared.data_map.choices import COLLECTING, PURPOSES
from shared.errors import Problem
from shared.gate import Change
from shared.guardianship import AGE, is_minor
from shared.injection import reached
from shared.notifications import language_for
from shared.people import new_id
from shared.policy import Policy
from shared.templates import Language

_COUNTRIES = "SELECT c.country, c.updatedAt FROM c WHERE c.type = 'appInstallation'"
_LINKS = "SELECT c.country, c.deviceId FROM c WHERE c.type = 'link' AND c.role = 'owner' AND c.state != 'ended'"


async def choose(by: By, purpose: str, said: Consenting, *, stores: Stores, now: datetime) -> Consents:
    """Give a consent or withdraw it; all that rests on it has begun or stopped when this returns.

    It is given to the present text. It can be withdrawn with any text that there was: nobody has to read a new one to
    get out. Saying the same again changes nothing.

    Raises:
        Problem: purpose_unknown, consent_text_outdated; guardian_needed, by a minor who gives one.
    """
    people = stores.database["people"]
    _check_text(purpose, said)
    is_own = by.guardianship_id is None
    age = await people.read(by.person_id, AGE)
    if said.given and is_own and is_minor(age, now):
        raise Problem("guardian_needed")
    # Of a person whose age was not known just now, the gate says whether it has become known since.
    counts = not is_own or age is not None
    policy = await choices_of(by.person_id, people=people)
    entry = _entry(by, purpose, said, await _country(by.person_id, people=people), now)
    if (purpose in policy.consented) != said.given:
        change = _change(purpose, given=said.given, counts=counts)
        await record(entry, change, people=people, journal=stores.journal, now=now)
    elif said.given and not await _is_said(entry, people):
        await record_again(entry, people=people)
    await reached("choices.recorded")
    await settle(by.person_id, stores=stores, now=now)
    return await list_consents(by.person_id, people=people)


def _check_text(purpose: str, said: Consenting) -> None:
    if purpose not in PURPOSES:
        raise Problem("purpose_unknown")
    is_present = said.notice_version == PURPOSES[purpose].versions[-1] or not said.given
    if not (is_present and consent_texts.is_text(purpose, said.notice_version, said.notice_hash)):
        raise Problem("consent_text_outdated")


def _change(purpose: str, *, given: bool, counts: bool) -> Change:
    def change(policy: Policy) -> Policy:
        if given and not counts and OWN_CONSENT in policy.objected:
            raise Problem("guardian_needed")
        consented = policy.consented | {purpose} if given else policy.consented - {purpose}
        return replace(policy, consented=consented)

    return change


async def _is_said(entry: Item, people: Container) -> bool:
    """Whether this text was consented to already."""
    known = last(await entries(entry["personId"], "consent", people=people), purpose=entry["purpose"])
    return known is not None and known["given"] and known["noticeVersion"] == entry["noticeVersion"]


def _entry(by: By, purpose: str, said: Consenting, country: str | None, now: datetime) -> Item:
    consent_id = new_id()
    return {
        "id": f"consent:{consent_id}",
        "type": "consent",
        "consentId": consent_id,
        "purpose": purpose,
        "given": said.given,
        "noticeVersion": said.notice_version,
        "noticeHash": said.notice_hash,
        **({"country": country} if country is not None else {}),
        **by.fields(now),
    }


async def _country(person_id: str, *, people: Container) -> str | None:
    """Where the app that was used last said that it is."""
    said = [item async for item in people.query(_COUNTRIES, partition=person_id) if "country" in item]
    return max(said, key=lambda item: str(item["updatedAt"]), default={"country": None})["country"]


def withdrawals(by: By, policy: Policy, now: datetime) -> list[Item]:
    """The entries by which everything is withdrawn that stands, as when it turns out that who gave it could not."""
    entries_of_all = []
    for purpose in sorted(policy.consented):
        text = consent_texts.present(purpose, Language.ENGLISH)
        said = Consenting.model_validate({"given": False, "noticeVersion": text.version, "noticeHash": text.sha256})
        entries_of_all.append(_entry(by, purpose, said, None, now))
    return entries_of_all


async def list_consents(person_id: str, *, people: Container, language: Language | None = None) -> Consents:
    """Every purpose with its present text in the language of the person's app, whether it stands, and its history."""
    policy = await choices_of(person_id, people=people)
    language = language or await language_for(person_id, people=people)
    history = await entries(person_id, "consent", people=people)
    links = [link async for link in people.query(_LINKS, partition=person_id)]
    return Consents(
        consents=[
            Consent(
                purpose=purpose,
                category=PURPOSES[purpose].category.value,
                permits=PURPOSES[purpose].permits,
                given=purpose in policy.consented,
                needed_for=_resting(purpose, links),
                notice=_text(purpose, language),
                history=[_view(entry) for entry in history if entry["purpose"] == purpose],
            )
            for purpose in PURPOSES
        ]
    )


def _resting(purpose: str, links: list[Item]) -> list[str]:
    """The monitors of which something is collected with this consent only."""
    return sorted(
        {
            link["deviceId"]
            for link in links
            for category, rule in COLLECTING.items()
            if rule.purpose == purpose and needs_consent(category, link.get("country"))
        }
    )


def _text(purpose: str, language: Language) -> ConsentText:
    text = consent_texts.present(purpose, language)
    return ConsentText(version=text.version, sha256=text.sha256, language=language.value, text=text.written)


def _view(entry: Item) -> ConsentEntry:
    return ConsentEntry(
        consent_id=entry["consentId"],
        given=entry["given"],
        notice_version=entry["noticeVersion"],
        notice_hash=entry["noticeHash"],
        channel=entry["channel"],
        at=clock.moment(entry["at"]),
        by=entry["by"],
        country=entry.get("country"),
    )
