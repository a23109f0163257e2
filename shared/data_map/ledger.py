"""The ledger in the data map: its container, and every action with the details that an entry of it may hold."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from shared.data_map.vocabulary import Category, Container, Field, Record


class Detail(Enum):
    """What a detail may look like, as a pattern; no e-mail address, name or serial number has one of these forms."""

    ID = r"[0-9a-f]{32}"
    """A random id, or a keyed one."""
    DATE = r"\d{4}-\d\d-\d\d"
    SHA256 = r"[0-9a-f]{64}"
    WORD = r"[a-z]+(_[a-z]+)*"
    """A word of a closed list of ours."""
    COUNT = r"\d{1,9}"
    """A number of things; stored as a number."""


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that the ledger can say."""

    about: str
    details: Mapping[str, Detail] = field(default_factory=dict)


GUEST: Final = {"guestId": Detail.ID, "ownershipId": Detail.ID}

_REQUEST: Final = {"requestId": Detail.ID}

_OPENING: Final = {"caseId": Detail.ID, "openingId": Detail.ID, "ground": Detail.WORD}

ACTIONS: Final[dict[str, Action]] = {
    "pairing_completed": Action("A monitor was paired with the person's account.", {"ownershipId": Detail.ID}),
    "ownership_ended": Action(
        "The person's monitor is theirs no more.", {"ownershipId": Detail.ID, "reason": Detail.WORD}
    ),
    "takeover_disputed": Action(
        "The person said that their monitor was taken from them.", {"disputeId": Detail.ID, "ownershipId": Detail.ID}
    ),
    "dispute_decided": Action(
        "Staff decided a dispute about a monitor.",
        {"disputeId": Detail.ID, "outcome": Detail.WORD, "purpose": Detail.WORD},
    ),
    "monitor_revoked": Action("Staff shut a monitor out.", {"deviceId": Detail.ID, "purpose": Detail.WORD}),
    "monitor_admitted": Action("Staff let a monitor in again.", {"deviceId": Detail.ID, "purpose": Detail.WORD}),
    "enrolment_group_changed": Action(
        "Staff moved a monitor to another enrolment group.", {"deviceId": Detail.ID, "purpose": Detail.WORD}
    ),
    "guest_invited": Action("The person invited a guest to their device.", GUEST),
    "guest_joined": Action("A guest accepted the invitation to a device.", GUEST),
    "guest_declined": Action("The invitation to a device was declined.", GUEST),
    "guest_removed": Action("A guest was removed from a device, or an invitation to it was withdrawn.", GUEST),
    "guest_left": Action("A guest left a device.", GUEST),
    "support_case_opened": Action(
        "The person opened a support case.", {"caseId": Detail.ID, "ownershipId": Detail.ID, "days": Detail.COUNT}
    ),
    "support_case_asked": Action(
        "Support staff asked the person to open a support case.",
        {"caseId": Detail.ID, "ownershipId": Detail.ID, "days": Detail.COUNT, "purpose": Detail.WORD},
    ),
    "support_case_agreed": Action(
        "The person agreed to the support case.",
        {"caseId": Detail.ID, "ownershipId": Detail.ID, "days": Detail.COUNT},
    ),
    "support_case_declined": Action(
        "The person declined the support case.", {"caseId": Detail.ID, "ownershipId": Detail.ID}
    ),
    "support_case_closed": Action("A support case was closed.", {"caseId": Detail.ID, "ownershipId": Detail.ID}),
    "device_looked_up": Action(
        "Support staff looked up the person's monitor by its serial number.",
        {"ownershipId": Detail.ID, "purpose": Detail.WORD},
    ),
    "support_data_viewed": Action(
        "Support staff viewed data of an open support case.",
        {"caseId": Detail.ID, "ownershipId": Detail.ID, "purpose": Detail.WORD},
    ),
    "unstored_events_viewed": Action(
        "Staff looked at messages of the person's monitor that could not be stored.",
        {"ownershipId": Detail.ID, "purpose": Detail.WORD},
    ),
    "unstored_event_replayed": Action(
        "Staff had a message of the person's monitor tried again that could not be stored.",
        {"ownershipId": Detail.ID, "reason": Detail.WORD, "purpose": Detail.WORD},
    ),
    "unstored_event_released": Action(
        "Staff decided that a message of the person's monitor that could not be stored is not tried again.",
        {"ownershipId": Detail.ID, "reason": Detail.WORD, "purpose": Detail.WORD},
    ),
    "quarantine_viewed": Action("Staff looked at events that belong to nobody.", {"purpose": Detail.WORD}),
    "quarantine_replayed": Action(
        "Staff had an event tried again that belongs to nobody.", {"reason": Detail.WORD, "purpose": Detail.WORD}
    ),
    "quarantine_released": Action(
        "Staff decided that an event that belongs to nobody is not tried again.",
        {"reason": Detail.WORD, "purpose": Detail.WORD},
    ),
    "restriction_begun": Action(
        "The person restricted the processing of their data.",
        {"restrictionId": Detail.ID, "scope": Detail.WORD, "ground": Detail.WORD},
    ),
    "restriction_entered": Action(
        "Staff restricted the processing of the person's data, as the person had asked.",
        {"restrictionId": Detail.ID, "scope": Detail.WORD, "ground": Detail.WORD, "purpose": Detail.WORD},
    ),
    "restriction_lifting": Action(
        "Staff announced that a restriction will be lifted.", {"restrictionId": Detail.ID, "purpose": Detail.WORD}
    ),
    "restriction_lifted": Action("A restriction was lifted.", {"restrictionId": Detail.ID}),
    "legal_hold_set": Action(
        "Staff set a legal hold on data.", {"holdId": Detail.ID, "scope": Detail.WORD, "ground": Detail.WORD}
    ),
    "legal_hold_lifted": Action(
        "Staff ended a legal hold before its time.", {"holdId": Detail.ID, "purpose": Detail.WORD}
    ),
    "legal_hold_ended": Action("A legal hold ended.", {"holdId": Detail.ID}),
    "standings_viewed": Action(
        "Staff looked at the restrictions and legal holds of the person.", {"purpose": Detail.WORD}
    ),
    "push_address_lost": Action(
        "The push address of the person's app was registered by another installation, and was taken from this one.",
        {"installationId": Detail.ID},
    ),
    "installation_removed": Action("The person removed an installation of the app.", {"installationId": Detail.ID}),
    "objection_recorded": Action(
        "The person objected to the statistical use of data.",
        {"objectionId": Detail.ID, "category": Detail.WORD, "scope": Detail.WORD},
    ),
    "objection_withdrawn": Action(
        "The person took an objection back.",
        {"objectionId": Detail.ID, "category": Detail.WORD, "scope": Detail.WORD},
    ),
    "consent_given": Action(
        "The person consented to a purpose.",
        {"consentId": Detail.ID, "purpose": Detail.WORD, "noticeHash": Detail.SHA256},
    ),
    "consent_withdrawn": Action(
        "The person withdrew their consent to a purpose.",
        {"consentId": Detail.ID, "purpose": Detail.WORD, "noticeHash": Detail.SHA256},
    ),
    "age_attested": Action(
        "The person said that they are under 14, and asked a guardian.", {"guardianshipId": Detail.ID}
    ),
    "guardian_accepted": Action("A guardian accepted to act for the person.", {"guardianshipId": Detail.ID}),
    "guardian_declined": Action("The guardian whom the person asked declined.", {"guardianshipId": Detail.ID}),
    "guardian_ended": Action("The guardian acts for the person no more.", {"guardianshipId": Detail.ID}),
    "ward_accepted": Action("The person accepted to act for a minor.", {"guardianshipId": Detail.ID}),
    "ward_ended": Action("The person acts for a minor no more.", {"guardianshipId": Detail.ID}),
    "ward_choice_made": Action(
        "The person chose something as the guardian of a minor.",
        {"guardianshipId": Detail.ID, "choiceId": Detail.ID, "choice": Detail.WORD},
    ),
    "data_blocked": Action(
        "Data of the person was blocked: kept apart for courts and authorities until a date.",
        {"caseId": Detail.ID, "category": Detail.WORD, "until": Detail.DATE, "ground": Detail.WORD},
    ),
    "vault_searched": Action(
        "Privacy staff searched the vault for somebody.",
        {"by": Detail.WORD, "ground": Detail.WORD, "found": Detail.COUNT},
    ),
    "vault_opening_asked": Action("Privacy staff asked to open a case of the vault.", _OPENING),
    "vault_opening_approved": Action("Another one of them agreed to open the case.", _OPENING),
    "vault_read": Action("Privacy staff read a part of an opened case.", _OPENING | {"part": Detail.COUNT}),
    "vault_destruction_begun": Action(
        "The service began to destroy what was blocked until a day.", {"until": Detail.DATE}
    ),
    "vault_destroyed": Action("The service destroyed what was blocked until a day.", {"until": Detail.DATE}),
    "export_requested": Action(
        "The person asked for a copy of their data.", {"exportId": Detail.ID, "scope": Detail.WORD}
    ),
    "export_ready": Action("The copy was made.", {"exportId": Detail.ID}),
    "transfer_requested": Action(
        "The person asked to send a portable copy to another provider.",
        {"exportId": Detail.ID, "transferId": Detail.ID},
    ),
    "transfer_ended": Action(
        "The copy was handed over to the other provider, or not.",
        {"exportId": Detail.ID, "transferId": Detail.ID, "outcome": Detail.WORD},
    ),
    "export_link_given": Action("A link to download the copy was given.", {"exportId": Detail.ID}),
    "person_found": Action(
        "Privacy staff found the person, to act on what they asked for.", {"purpose": Detail.WORD, "by": Detail.WORD}
    ),
    "acted_for_person": Action(
        "Privacy staff began to carry out a right for the person, who had asked otherwise than by the app.",
        {"actId": Detail.ID, "right": Detail.WORD, "channel": Detail.WORD, "purpose": Detail.WORD},
    ),
    "data_rectified": Action(
        "Something that is held about the person was corrected.",
        {"rectificationId": Detail.ID, "field": Detail.WORD},
    ),
    "interaction_entered": Action(
        "Staff entered what the person had told them.",
        {"interactionId": Detail.ID, "channel": Detail.WORD, "subject": Detail.WORD, "purpose": Detail.WORD},
    ),
    "interactions_viewed": Action("Staff looked at what the person had told us.", {"purpose": Detail.WORD}),
    "interaction_correction_asked": Action(
        "Staff had mistyped what the person had told them, and correct it.",
        {"interactionId": Detail.ID, "field": Detail.WORD, "purpose": Detail.WORD},
    ),
    "interaction_taken_away": Action(
        "Staff took away what they had entered for the person by mistake.",
        {"interactionId": Detail.ID, "purpose": Detail.WORD},
    ),
    "interaction_moved_here": Action(
        "Staff entered for the person what they had entered for somebody else by mistake.",
        {"interactionId": Detail.ID, "purpose": Detail.WORD},
    ),
    "reading_annotated": Action(
        "The person said that a reading of their monitor is not right.",
        {"annotationId": Detail.ID, "ownershipId": Detail.ID, "statement": Detail.WORD},
    ),
    "annotation_removed": Action(
        "The person took back what they had said about a reading.",
        {"annotationId": Detail.ID, "ownershipId": Detail.ID},
    ),
    "erasure_requested": Action(
        "The person asked for an erasure, and confirmed it.", {"erasureId": Detail.ID, "scope": Detail.WORD}
    ),
    "erasure_narrowed": Action(
        "From here on nothing more of what is erased is stored.", {"erasureId": Detail.ID, "scope": Detail.WORD}
    ),
    "erasure_scanned": Action(
        "What was to be erased is gone or blocked; a scan found nothing left.",
        {"erasureId": Detail.ID, "items": Detail.COUNT},
    ),
    "erasure_completed": Action(
        "The last place outside the database has let go; the receipt is complete.",
        {"erasureId": Detail.ID, "hash": Detail.SHA256},
    ),
    "request_filed": Action("The person exercised a right.", _REQUEST | {"right": Detail.WORD, "channel": Detail.WORD}),
    "request_entered": Action(
        "Staff entered that the person exercised a right.",
        _REQUEST | {"right": Detail.WORD, "channel": Detail.WORD, "received": Detail.DATE, "purpose": Detail.WORD},
    ),
    "requests_viewed": Action(
        "Privacy staff looked at the requests of the person.", {"found": Detail.COUNT, "purpose": Detail.WORD}
    ),
    "request_begun": Action("Staff began to work on the request.", _REQUEST | {"purpose": Detail.WORD}),
    "request_identity_asked": Action(
        "Staff asked who it is that asks.", _REQUEST | {"question": Detail.WORD, "purpose": Detail.WORD}
    ),
    "request_identified": Action(
        "It became known who it is that asks.", _REQUEST | {"identity": Detail.WORD, "purpose": Detail.WORD}
    ),
    "request_extended": Action(
        "Staff extended the time to answer the request.",
        _REQUEST | {"reason": Detail.WORD, "until": Detail.DATE, "hash": Detail.SHA256, "purpose": Detail.WORD},
    ),
    "request_answered": Action(
        "Staff answered the request.",
        _REQUEST | {"outcome": Detail.WORD, "hash": Detail.SHA256, "sent": Detail.WORD, "purpose": Detail.WORD},
    ),
    "request_refused": Action(
        "Staff refused the request.",
        _REQUEST | {"ground": Detail.WORD, "hash": Detail.SHA256, "sent": Detail.WORD, "purpose": Detail.WORD},
    ),
    "request_withdrawn": Action("The person withdrew the request.", _REQUEST),
    "request_withdrawal_entered": Action(
        "Staff entered that the person withdrew the request.", _REQUEST | {"purpose": Detail.WORD}
    ),
    "request_erased": Action(
        "The request was answered by the erasure of everything about the person.", _REQUEST | {"erasureId": Detail.ID}
    ),
    "request_letter_made": Action(
        "Staff had a letter about the request written.",
        _REQUEST | {"letter": Detail.WORD, "language": Detail.WORD, "hash": Detail.SHA256, "purpose": Detail.WORD},
    ),
    "recipients_told": Action(
        "The recipients of the person's data are told what became of it here.",
        {"event": Detail.WORD, "recipients": Detail.COUNT},
    ),
    "checkpoint_begun": Action("The service began to sum up the ledger.", {"date": Detail.DATE}),
    "checkpoint_signed": Action(
        "The service signed a checkpoint of the ledger.", {"date": Detail.DATE, "hash": Detail.SHA256}
    ),
}

LEDGER: Final = Container(
    partition_key="subject",
    indexed=("type", "subject", "seq"),
    records={
        "ledgerEntry": Record(
            container="ledger",
            about="What was done to whose data, by whom and when; it is never changed.",
            category=Category.SERVICE,
            export="ledger",
            erasure="keep_random_ids",
            visible_to=("the person", "privacy staff"),
            fields={
                "subject": Field(about="Random name of the person in the ledger, or the service itself."),
                "seq": Field(about="Number of the entry in the subject's chain, from 1."),
                "at": Field(about="When it was done.", unit="UTC"),
                "action": Field(about="What was done."),
                "actorKind": Field(
                    about="Who did it: the person, the service, their guest, host or guardian, or staff of which role."
                ),
                "actor": Field(about="Name in the ledger of who did it.", exported=False),
                "requestId": Field(about="Id of the request or the thing that it was part of."),
                "step": Field(about="Which step of it."),
                "details": Field(about="What the action declares beside: random ids, counts, dates."),
                "previous": Field(about="Hash of the entry before."),
                "hash": Field(about="SHA-256 of this entry, the hash of the one before included."),
            },
        ),
        "ledgerHead": Record(
            container="ledger",
            about="Where a subject's chain ends.",
            category=Category.SERVICE,
            export=None,
            export_note="number and hash of the ledger's last entry, which is in the bundle itself",
            withheld="in_the_bundle",
            erasure="keep_random_ids",
            visible_to=(),
            fields={
                "subject": Field(about="Random name in the ledger."),
                "seq": Field(about="Number of the last entry."),
                "hash": Field(about="Hash of the last entry."),
            },
        ),
        "ledgerStep": Record(
            container="ledger",
            about="That a step is in the chain, so that a repeat counts once.",
            category=Category.SERVICE,
            export=None,
            export_note="a technical lock that names an entry of the ledger, which is in the bundle itself",
            withheld="in_the_bundle",
            erasure="keep_random_ids",
            visible_to=(),
            fields={
                "subject": Field(about="Random name in the ledger."),
                "seq": Field(about="Number of the step's entry."),
            },
        ),
    },
)
