"""The catalogue of everything that can go wrong for a caller: one sentence each, without HTTP in it.

A use case raises `Problem("claim_used")`. The HTTP edge renders it as an RFC 9457 problem document with the status
that the catalogue names. Texts hold no value that a caller sent: nothing personal is ever echoed.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from shared.counters import Counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a caller is told."""

    status: int
    title: str
    action: str
    retryable: bool = False


ON_THE_PHONE: Final = 0
"""No status: it happens before anything reaches this service, and is here for those who answer residents."""

CATALOGUE: Final[dict[str, Entry]] = {
    # who is calling
    "token_missing": Entry(
        status=401, title="No access token was sent.", action="Sign in and send the token in the Authorization header."
    ),
    "token_invalid": Entry(
        status=401, title="The access token is not one that this service can verify.", action="Sign in again."
    ),
    "token_expired": Entry(
        status=401, title="The access token has expired.", action="Sign in again, or renew the token.", retryable=True
    ),
    "token_foreign": Entry(
        status=401,
        title="The access token was issued for something else.",
        action="Use a token that was issued for this kind of caller and this service.",
    ),
    "email_not_verified": Entry(
        status=403, title="The e-mail address is not verified.", action="Verify the address with the sign-in provider."
    ),
    "person_erased": Entry(
        status=410,
        title="This person was erased.",
        action="Sign up anew: whoever returns is a new person.",
    ),
    "not_allowed": Entry(status=403, title="This caller may not do that.", action="Ask for the role that may."),
    "attestation_refused": Entry(
        status=401,
        title="The monitor could not prove its make.",
        action="Ask for a new challenge and sign it with the key of this monitor.",
        retryable=True,
    ),
    "sign_in_unavailable": Entry(
        status=503, title="The sign-in provider does not answer.", action="Try again shortly.", retryable=True
    ),
    # what was sent
    "body_too_large": Entry(status=413, title="The body is too large.", action="Send less in one request."),
    "body_unreadable": Entry(
        status=400, title="The body is not complete, valid JSON.", action="Send the whole body as one JSON object."
    ),
    "compression_invalid": Entry(
        status=400, title="The body is not complete, valid gzip.", action="Compress the body again, or send it plain."
    ),
    "encoding_unsupported": Entry(
        status=415, title="That content encoding is not supported.", action="Send the body plain or as gzip."
    ),
    "content_type_unsupported": Entry(
        status=415, title="That content type is not supported.", action="Send application/json."
    ),
    "field_unknown": Entry(
        status=422, title="The body has a field that is not declared.", action="Remove the field at the pointer."
    ),
    "field_missing": Entry(
        status=422, title="The body lacks a required field.", action="Add the field at the pointer."
    ),
    "field_wrong_type": Entry(
        status=422, title="A field has the wrong type.", action="Send the type that the API description names."
    ),
    "field_out_of_range": Entry(
        status=422, title="A field has a value that is not allowed.", action="Send a value within the stated limits."
    ),
    "route_unknown": Entry(
        status=404, title="There is nothing at this address.", action="See the API description for what there is."
    ),
    # registration
    "access_point_unreachable": Entry(
        status=ON_THE_PHONE,
        title="The phone could not connect to the access point of the monitor.",
        action="Check in the monitor's pairing menu that a valid MAC address appears under the QR code.",
        retryable=True,
    ),
    "claim_unknown": Entry(
        status=404, title="There is no such claim.", action="Show the QR code of a new claim to the monitor."
    ),
    "claim_expired": Entry(
        status=410, title="The claim has expired.", action="Start the pairing again in the app: it makes a new claim."
    ),
    "claim_used": Entry(
        status=409,
        title="The claim was already used.",
        action="Start the pairing again in the app: it makes a new claim.",
    ),
    "claim_tries_used_up": Entry(
        status=429,
        title="This monitor has shown too many claims that do not exist.",
        action="Wait for the stated time, then show the monitor a new claim.",
        retryable=True,
    ),
    "serial_mismatch": Entry(
        status=422,
        title="The device data names another monitor than the one that proved its make.",
        action="Send the serial number that the monitor attests.",
    ),
    "device_not_registered": Entry(
        status=404, title="This monitor is not registered.", action="Pair it with an account first."
    ),
    "device_not_yours": Entry(
        status=404,
        title="You have no such device.",
        action="Use the id of a device in your list.",
    ),
    "installation_unknown": Entry(
        status=404,
        title="You have no such installation of the app.",
        action="Use the id of an installation in your list, or register this one.",
    ),
    "installations_too_many": Entry(
        status=409,
        title="Too many installations of the app are registered.",
        action="Remove one that is not used any more.",
    ),
    "dispute_unknown": Entry(
        status=404, title="There is no such dispute.", action="Use the id that the opened dispute was given."
    ),
    "dispute_too_late": Entry(
        status=409,
        title="A takeover can be disputed within 30 days of it.",
        action="Contact support: there may be another way.",
    ),
    "nothing_to_dispute": Entry(
        status=409,
        title="The monitor was not taken over by another account.",
        action="Pair it again, or contact support.",
    ),
    "dispute_decided": Entry(
        status=409, title="The dispute was decided otherwise.", action="Open a new one if there is a new takeover."
    ),
    "dispute_outdated": Entry(
        status=409,
        title="The monitor has changed hands again since.",
        action="Ask the person to dispute the present ownership.",
    ),
    "enrolment_group_unknown": Entry(
        status=422, title="There is no such enrolment group.", action="Use the name of a group in the settings."
    ),
    "guests_too_many": Entry(
        status=409,
        title="The device has no place for another guest.",
        action="Remove a guest or an invitation. The place of an invitation is free a day after that was made.",
    ),
    "guest_is_owner": Entry(
        status=409, title="The owner of a device is no guest of it.", action="Invite somebody else's address."
    ),
    "guest_unknown": Entry(
        status=404, title="This device has no such guest.", action="Use the id of a guest in the device's list."
    ),
    "invitation_unknown": Entry(
        status=404,
        title="There is no such invitation to your verified e-mail address.",
        action="Sign in with the address that was invited, or ask the owner of the device to invite you again.",
    ),
    "support_case_unknown": Entry(
        status=404, title="There is no such support case.", action="Use the id that the opened case was given."
    ),
    "support_case_answered": Entry(
        status=409,
        title="This support case does not wait for an answer any more.",
        action="See your support cases for its state; you can open one yourself at any time.",
    ),
    "support_case_declined_lately": Entry(
        status=409,
        title="The owner was asked for a support case lately, and declined or did not answer.",
        action="Ask again seven days after that; the owner can open one at any time.",
    ),
    "support_case_not_open": Entry(
        status=403,
        title="This support case is not open.",
        action="Ask the owner for a support case; data is shown while one is open.",
    ),
    "data_restricted": Entry(
        status=403,
        title="The person has restricted the processing of this data.",
        action="It is stored and used for nothing else, until the restriction is lifted; ask privacy staff.",
    ),
    "support_cases_too_many": Entry(
        status=409,
        title="Too many support cases of this device are open, or were made within a day.",
        action="Close one of them first, or try again a day later.",
    ),
    # telemetry
    "schema_version_unsupported": Entry(
        status=422,
        title="That version of the telemetry envelope is not supported.",
        action="Send a published version.",
    ),
    "schema_unknown": Entry(
        status=404,
        title="There is no telemetry schema of that version.",
        action="See the list of published versions.",
    ),
    "record_schema_unknown": Entry(
        status=404,
        title="There is no schema of that name.",
        action="See the list at /api/schemas.",
    ),
    "product_unknown": Entry(
        status=404,
        title="There is no data sheet of that product.",
        action="See the list at /api/products; the sheet of wifi-monitor holds for models that are not in it.",
    ),
    "quota_exceeded": Entry(
        status=429,
        title="This monitor sends more than its share.",
        action="Keep the message as it is and send it again after the stated time.",
        retryable=True,
    ),
    "monitor_time_invalid": Entry(
        status=422,
        title="The header with the monitor's present time is no plausible time.",
        action="Send X-Monitor-Time as ISO 8601 with an offset or Z, or leave it out.",
    ),
    "reading_kind_unknown": Entry(
        status=422, title="There is no such kind of reading.", action="Send a declared kind."
    ),
    "category_not_open": Entry(
        status=403,
        title="This category is not collected from this monitor.",
        action="Renew the device token to learn what is; performance needs an open support case.",
        retryable=True,
    ),
    "outside_ownership": Entry(
        status=403,
        title="The reading lies outside the time in which the present owner has the monitor.",
        action="Drop it.",
    ),
    "observed_in_future": Entry(
        status=422,
        title="The reading was observed later than it was received.",
        action="Drop it, and set the monitor's clock.",
    ),
    "quarantined_event_unknown": Entry(
        status=404, title="There is no such event in quarantine.", action="Use the id of an event in the list."
    ),
    "quarantined_event_released": Entry(
        status=409, title="The event was released.", action="Nothing: it is kept to its expiry and not tried again."
    ),
    "quarantined_event_cut": Entry(
        status=409,
        title="Only a part of the event is kept.",
        action="It cannot be tried again; see what is kept of it, and release it.",
    ),
    "hub_unavailable": Entry(
        status=503,
        title="The telemetry cannot be taken at the moment.",
        action="Keep the message as it is and send it again after the stated time.",
        retryable=True,
    ),
    # exports
    "export_unknown": Entry(status=404, title="You have no such export.", action="Ask for a new export."),
    "export_not_ready": Entry(
        status=409, title="The export is not ready yet.", action="Ask for its state again shortly.", retryable=True
    ),
    "export_expired": Entry(status=410, title="The export has expired.", action="Ask for a new export."),
    "export_not_portable": Entry(
        status=409,
        title="This export is no portable copy.",
        action="Ask for an export with the scope 'portability', and have that one sent.",
    ),
    "endpoint_unusable": Entry(
        status=422,
        title="A copy cannot be sent to this address.",
        action="Name an https address on the public internet with a host name and without user, password and fragment.",
    ),
    "transfers_too_many": Entry(
        status=409,
        title="This export was sent to five addresses.",
        action="Ask for a new export, or download this one.",
    ),
    "transfer_unknown": Entry(
        status=404,
        title="There is no such transfer of this export.",
        action="Use the id that asking for it answered; a day later it is gone.",
    ),
    # restrictions and legal holds
    "person_unknown": Entry(
        status=404,
        title="There is no such person.",
        action="Name them by an id, by a device of theirs, or by the address that they gave without an account.",
    ),
    "restriction_unknown": Entry(
        status=404, title="There is no such restriction.", action="Use the id of a restriction in the list."
    ),
    "restrictions_too_many": Entry(
        status=409,
        title="Too many restrictions or legal holds are in force.",
        action="Restrict everything at once, or lift some of them first.",
    ),
    "legal_hold_unknown": Entry(
        status=404, title="There is no such legal hold.", action="Use the id that the hold was given."
    ),
    # choices
    "purpose_unknown": Entry(
        status=404, title="There is no such purpose.", action="Use a purpose of the list of consents."
    ),
    "consent_text_outdated": Entry(
        status=409,
        title="That is not the present text of this consent.",
        action="Show the text of the list of consents, and send its version and hash.",
    ),
    "guardian_needed": Entry(
        status=403,
        title="Under 14 this is for a parent or guardian to say.",
        action="Ask your guardian to do it in their Blue account, or name one.",
    ),
    "guardian_is_ward": Entry(
        status=409, title="Nobody is their own guardian.", action="Name the e-mail address of your parent or guardian."
    ),
    "guardian_accepted": Entry(
        status=409,
        title="A guardian acts for this account.",
        action="Another one can be named once that guardian has stepped down.",
    ),
    "guardian_not_needed": Entry(
        status=409, title="This person is 14 and acts for themself.", action="Nothing: no guardian is needed any more."
    ),
    "guardians_too_many": Entry(
        status=429,
        title="Too many guardians were asked today.",
        action="Try again tomorrow.",
        retryable=True,
    ),
    "ward_unknown": Entry(
        status=404,
        title="You act for no such person, and were not asked to.",
        action="Use an id of your list; sign in with the address that was asked.",
    ),
    # the vault
    "vault_case_unknown": Entry(
        status=404, title="There is no such case in the vault.", action="Search the vault again: it may be destroyed."
    ),
    "vault_opening_unknown": Entry(
        status=404, title="There is no such opening of this case.", action="Ask for a new opening."
    ),
    "second_person_needed": Entry(
        status=403,
        title="Who asks to open a case cannot agree to it as well.",
        action="Let another member of the privacy staff agree.",
    ),
    "vault_opening_not_yours": Entry(
        status=403, title="Two others have opened this case.", action="Ask for an opening of your own."
    ),
    "vault_opening_not_approved": Entry(
        status=409,
        title="Nobody has agreed to this opening yet.",
        action="Let another member of the privacy staff agree.",
    ),
    "vault_opening_over": Entry(status=410, title="This opening is over.", action="Ask for a new opening."),
    "vault_damaged": Entry(
        status=500,
        title="What lies in the vault is not what was sealed.",
        action="Report it: the alarm vault_damaged was raised.",
    ),
    # notifications
    "notification_unknown": Entry(
        status=404, title="You have no such notification.", action="Use the id of a notification in your list."
    ),
    "cursor_invalid": Entry(
        status=400, title="The cursor is not one of ours.", action="Send the cursor of the last page, or none at all."
    ),
    "date_invalid": Entry(
        status=400, title="That is no date.", action="Send the day as YYYY-MM-DD, or none at all for the newest."
    ),
    "category_unknown": Entry(
        status=404, title="There is no such category.", action="Use a category of the overview of your data."
    ),
    # erasure
    "erasure_unknown": Entry(
        status=404, title="There is no such erasure.", action="Use the id and the code that its confirmation gave you."
    ),
    "confirmation_invalid": Entry(
        status=409,
        title="That is no confirmation of an erasure of yours.",
        action="Ask for the erasure again, and confirm it within ten minutes.",
    ),
    "category_not_erasable": Entry(
        status=422,
        title="That category cannot be erased by itself.",
        action="Erase a category of the list, the whole period of a device, or everything.",
    ),
    # rectification
    "nothing_to_rectify": Entry(
        status=409, title="It is that already.", action="Nothing, or state what it should be instead."
    ),
    "address_follows_sign_in": Entry(
        status=409,
        title="The address of an account follows its sign-in.",
        action="Have the person sign in with the new address and correct it in the app.",
    ),
    "interaction_unknown": Entry(
        status=404, title="You have no such interaction.", action="Use the id of an interaction in your list."
    ),
    "reading_unknown": Entry(
        status=404,
        title="There is no such reading of your device.",
        action="Use message, kind and time of a reading as the stream tells them.",
    ),
    "annotation_unknown": Entry(
        status=404, title="There is no such annotation.", action="Use the id of an annotation in the device's list."
    ),
    "annotations_too_many": Entry(
        status=409, title="Too many readings of the device are annotated.", action="Remove annotations first."
    ),
    # requests
    "request_unknown": Entry(
        status=404, title="There is no such request.", action="Use the id of a request in your list."
    ),
    "requests_too_many": Entry(
        status=409, title="Too many requests are open.", action="Wait for an answer, or withdraw one of them first."
    ),
    "request_closed": Entry(status=409, title="The request is closed.", action="Nothing, or file another one."),
    "request_step_unfit": Entry(
        status=409,
        title="The request is not where this step leads on.",
        action="Look at its state: a clock is extended once, and who asks is asked once, before that.",
    ),
    "extension_too_late": Entry(
        status=409,
        title="The time can be extended within the first month only.",
        action="Answer the request; say in the answer that it comes late.",
    ),
    "ground_unfit": Entry(
        status=409,
        title="The request does not admit this ground of refusal.",
        action="Take one of the right that is exercised: repetitive for an access that repeats, and not_identified "
        "when thirty days after the question nobody said who asks.",
    ),
    "letter_not_ready": Entry(
        status=409,
        title="There is nothing yet that this letter could say.",
        action="Do the step first that it is about.",
    ),
    # recipients
    "notice_unknown": Entry(
        status=404, title="There is no such notice.", action="Nothing: it is not waited for any more."
    ),
    # us
    "busy": Entry(status=503, title="The service is busy.", action="Try again after the stated time.", retryable=True),
    "database_restored": Entry(
        status=503,
        title="The service is being restored.",
        action="Try again later.",
        retryable=True,
    ),
    "internal_error": Entry(
        status=500,
        title="Something went wrong on our side.",
        action="Try again; if it stays, contact support with the request id.",
        retryable=True,
    ),
}


class Problem(Exception):
    """A use case cannot do what was asked; `code` is in the catalogue."""

    def __init__(
        self,
        code: str,
        *,
        pointer: str | None = None,
        retry_after_s: int | None = None,
        counted: "Counted | None" = None,
    ) -> None:
        """Name the code, and where in the body it lies as a JSON pointer made of declared names only.

        `counted` is a reason that staff are shown the number of, and that the caller is not told.
        """
        super().__init__(code)
        self.entry = CATALOGUE[code]
        self.code = code
        self.pointer = pointer
        self.retry_after_s = retry_after_s
        self.counted = counted
