"""Named points at which a test can stop or break the service. In production nobody listens, and they cost a look-up."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, Literal

Point = Literal[
    "ingest.decided",  # a worker has decided what may be stored, and has not written it
    "ingest.written",  # a worker has written one batch of several
    "ingest.conflicted",  # a batch was refused since something of it is stored already, and nothing is written anew
    "quarantine.kept",  # an event that belongs to nobody is set aside
    "quarantine.recorded",  # the ledger knows of a replay or a release, and nothing was done
    "quarantine.replayed",  # an event was sent again, and is not marked
    "gate.changed",  # a change has replaced the gate, and has not written the journal
    "gate.read",  # a change has read the gate, and has not replaced it
    "claim.try_counted",
    "registration.claimed",
    "registration.linked",
    "registration.gated",
    "registration.owned",
    "registration.finished",
    "installation.founded",  # it is there, without its push address
    "installation.addressed",  # it holds the address, and does not ring yet
    "installation.refreshed",  # it rings, and addresses of before are not released
    "installation.silenced",  # a removed one does not ring any more
    "installation.released",  # nor holds an address
    "push_address.taken",  # by a new holder; the one before has it still
    "push_address.disowned",  # and now has not, while the look-up still names both
    "ownership.ended",
    "ownership.gate_ended",
    "ownership.link_ended",
    "dispute.opened",
    "dispute.decided",
    "guests.invited",  # an invitation has taken a place, and nothing else is written
    "guests.recorded",  # the ledger tells of it, and the invitee cannot see it
    "guests.mailed",  # a mail server has taken the invitation, and its address is still there
    "guests.accepting",  # the invitee has a pending link, and no place
    "guests.joined",  # the invitee has the place, and nobody was told
    "guests.welcomed",  # the owner was told, and the link is pending
    "guests.linked",  # the link counts, and the invitation is still there
    "guests.ended",  # a guest's place has ended, and nobody was told
    "guests.told",  # everybody was told that it ended, and link and invitation are still there
    "guests.unlinked",  # they are gone, and the place still holds the guest's keys
    "support.granted",  # the case is stored as open, and nobody was told
    "support.told",  # ledger and owner know that it is open, and nothing is collected
    "support.narrowed",  # nothing is collected any more, and the case is not stored as closed
    "support.declined",  # the refusal is stored, and not in the ledger
    "support.recorded",  # the ledger knows that staff ask, and the question is not stored
    "support.asked",  # the question is stored, and the owner was not told
    "restriction.stored",  # a restriction or a hold is stored, and nothing else says so
    "restriction.gated",  # the gates know of it, and nobody was told
    "restriction.told",  # the person was told, and nothing is kept from expiring yet
    "restriction.lifting",  # it is stored that it ends, and nobody was told
    "restriction.end_told",  # the person was told that it ends, and it is not stored as over
    "restriction.ended",  # it is stored as over, and the gates do not know
    "restriction.let_go",  # the gates know, and what it kept is still there
    "restriction.kept",  # some items are brought to what stands, and the job does not know
    "choices.recorded",  # a choice is in the person's gate, and nothing follows it yet
    "choices.gate_followed",  # one of the person's monitors follows it
    "choices.followed",  # all of them do, and nobody was told
    "choices.told",  # ledger, person and figures know of it, and the mark is still there
    "guardians.asked",  # a minor's age is known, and the guardian's invitation is not there
    "guardians.accepting",  # a guardian has a ward, and may not act
    "guardians.answered",  # they may, or declined, or stepped down, and nobody was told
    "guardians.told",  # everybody was told, and the invitation or the ward is still there
    "vault.keyed",  # the key of a month is there, and no case
    "vault.case_made",  # a case is there, and nothing finds it
    "vault.found",  # a look-up finds it, and it has no body
    "vault.sealed",  # the body is there, and its case does not name it
    "vault.entered",  # the case names it, and the person does not see that it is blocked
    "vault.told",  # the person sees it, and the ledger does not know
    "vault.asked",  # the ledger knows that a case is to be opened, and the question is not stored
    "vault.approved",  # the ledger knows that another one agrees, and that is not stored
    "vault.month_begun",  # the ledger knows that a month is to be destroyed, and nothing is
    "vault.key_destroyed",  # its key is gone, and all else is there
    "vault.bodies_destroyed",  # its bodies are gone, and the cases are there
    "vault.case_destroyed",  # a case is gone
    "vault.cases_destroyed",  # all is gone, and the ledger does not know
    "vault.month_recorded",  # the ledger knows, and the month is not ticked off
    "expiry.blocked",  # what has expired is in the vault, and still where it was
    "rectification.begun",  # what is wanted is stored, and nothing is done
    "rectification.blocked",  # the old value is sealed, and still in its place
    "rectification.replaced",  # the new value is in its place, and nobody was told
    "address.contact_moved",  # the look-up names the new address, invitations are under the former one
    "address.place_moved",  # the place names the new address, its invitation is under the former one
    "rectification.moved",  # all that hangs on an address has followed it
    "rectification.told",  # everybody was told, and the rectification is still pending
    "annotation.stored",  # an annotation is there, and the figures hold its reading
    "annotation.recomputed",  # the figures are computed anew, and nobody was told
    "annotation.withdrawn",  # an annotation counts no more, and is there
    "interaction.entered",  # an interaction is there, and the ledger does not know
    "interaction.recorded",  # the ledger knows that one is taken away, and nothing is done
    "interaction.moved",  # it is with the right person, and still with the wrong one
    "interaction.blocked",  # it is sealed, and the wrong person was not told
    "interaction.told",  # everybody was told, and it is still there
    "requests.recorded",  # the ledger knows of a request or a step of it, and it is not stored
    "requests.stored",  # it is stored, and nobody was told
    "requests.rejoined",  # a request that was nobody's is its person's, and still where it was
    "requests.told",  # the person was told, and it is still marked as to be told
    "recipients.queued",  # the notices are stored, and the person cannot see them yet
    "recipients.heard",  # a recipient has acknowledged a notice, and that is not kept
    "ledger.read",  # a step has read the head of its chain, and has not moved it
    "export.asked",  # the person has an export under way, and there is no job
    "export.planned",  # the places of a copy are noted, and the job does not know
    "export.staged",  # blocks of the archive are there, and nobody knows of which files
    "export.noted",  # that is noted, and the job does not know
    "export.published",  # the archive is there, and the job does not name it
    "export.ready",  # the job names it, and neither ledger nor person know
    "export.tidied",  # what its steps told each other is gone, and it is not done
    "erasure.requested",  # the ledger knows of it, and there is no job
    "erasure.closed",  # nothing more can be written about the person, and nothing else is done
    "erasure.found",  # what is erased is known, and not yet kept with the job
    "erasure.narrowed",  # one ownership takes nothing more in
    "erasure.blocked",  # a page is in the vault, and still where it was
    "erasure.deleted",  # a page is gone
    "erasure.purged",  # a place is empty, and that is not committed
    "erasure.copy_withdrawn",  # of a copy nothing can be had any more, and its blobs are there
    "erasure.scanned",  # nothing is left, and nobody was told
    "erasure.forgotten",  # the identifiers are gone, and the job waits for the places outside
    "erasure.signed",  # the last receipt is stored, and the ledger does not know its hash
    "erasure.told",  # everybody was told, and the identifiers are still there
    "transfer.room_taken",  # the export knows of a transfer, and there is no job
    "transfer.sent",  # the other side has it, and that is not committed
    "on_behalf.recorded",  # the ledger knows that staff act for a person, and nothing is done
    "on_behalf.warned",  # who reads mail at the former address was told, and the new one is not in its place
    "on_behalf.ordered",  # it is done or under way, and the person does not know that it was not they
    "sign_up.identified",  # the identity is known, the person is not made
]

Listener = Callable[[Point], Awaitable[None]]

_listener: Final[ContextVar[Listener | None]] = ContextVar("injection_listener", default=None)


async def reached(point: Point) -> None:
    """Tell the listener, should there be one; it may wait, or raise."""
    listener = _listener.get()
    if listener is not None:
        await listener(point)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Let a test listen to everything that runs in this context."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)
