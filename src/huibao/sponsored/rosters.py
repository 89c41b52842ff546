"""What becomes of sponsors and their rosters: each decides, and moves the state on where nothing is in the way."""

from datetime import datetime

from huibao.core.refusal import Refusal
from huibao.sponsored import refusals
from huibao.sponsored.model import (
    Checked,
    Confirm,
    Finished,
    FinishedTold,
    Fund,
    Payment,
    PaymentTold,
    Receive,
    Register,
    Roster,
    RosterState,
    Sponsor,
    SponsorTold,
    Steer,
)
from huibao.sponsored.state import State


def register(state: State, command: Register, request_id: int) -> SponsorTold | Refusal:
    """A sponsor under a name of its own."""
    if state.named(command.name) is not None:
        return refusals.sponsor_known()
    sponsor = Sponsor(request_id, command.name, command.kind)
    account = state.account(sponsor)
    account.credit_limit_fen = command.credit_limit_fen
    state.sponsors[sponsor.id] = sponsor
    state.new_sponsors.append((sponsor, command.credential, command.credit_limit_fen))
    return SponsorTold(sponsor.id, sponsor.name, sponsor.kind, account.balance_fen, account.credit_limit_fen)


def fund(state: State, command: Fund, at: datetime) -> PaymentTold | Refusal:
    """A payment of a sponsor's, once."""
    sponsor = state.sponsors.get(command.sponsor)
    if sponsor is None:
        return refusals.sponsor_unknown()
    if (sponsor.id, command.reference) in state.paid:
        return refusals.payment_known()
    account = state.account(sponsor)
    state.books.transfer("sponsor-funding", state.cash(), account, command.fen)
    state.paid.add((sponsor.id, command.reference))
    state.payments.append(Payment(sponsor.id, command.reference, command.fen, at))
    return PaymentTold(sponsor.id, command.fen, command.reference, account.balance_fen)


def receive(state: State, command: Receive, request_id: int) -> Roster | Refusal:
    """A file that was not received before, or whose roster was cancelled."""
    if command.sponsor not in state.sponsors:
        return refusals.sponsor_unknown()
    if command.product not in state.shelf.offers:
        return refusals.product_unknown()
    same = (command.sponsor, command.product, command.digest)
    if same in state.received:
        return refusals.same_file(state.received[same])
    roster = Roster(command.roster, command.sponsor, command.product, command.digest, command.lines, "checking", command.credential,
                    None, None, 1, last_line=command.last_line)
    state.received[same] = roster.id
    state.new_rosters[roster.id] = (request_id, roster)
    return roster


def checked(state: State, command: Checked) -> Roster | Refusal:
    """The report is made once every line was looked at."""
    roster = state.rosters.get(command.roster)
    if roster is None or roster.state != "checking":
        return refusals.not_waiting(roster.state) if roster else refusals.unknown()
    if roster.parts_left:
        return refusals.not_over()
    roster.report = state.reports[roster.id]
    return _moved(state, roster, "checked")


def confirm(state: State, command: Confirm) -> Roster | Refusal:
    """The run begins: what was reported is what the second person saw, and the money for it is there and set aside."""
    roster = state.rosters.get(command.roster)
    if roster is None:
        return refusals.unknown()
    if roster.state != "checked" or roster.report is None:
        return refusals.not_waiting(roster.state)
    if command.credential == roster.credential:
        return refusals.same_person()
    if command.digest != roster.digest:
        return refusals.another_file()
    if not roster.report.accepted:
        return refusals.nothing_to_run()
    account = state.account(state.sponsors[roster.sponsor])
    if account.free_fen < roster.report.premium_fen:
        return refusals.short(account.free_fen, roster.report.premium_fen)
    state.books.reserve(account, roster.report.premium_fen)
    roster.confirmed_by = command.credential
    return _moved(state, roster, "running")


def steer(state: State, command: Steer) -> Roster | Refusal:
    """A run stops between two parts, goes on, or is given up; what it bought stays bought."""
    roster = state.rosters.get(command.roster)
    if roster is None:
        return refusals.unknown()
    match command.step:
        case "pause" if roster.state == "running":
            roster.why = command.why
            return _moved(state, roster, "paused")
        case "resume" if roster.state == "paused":
            roster.why = None
            return _moved(state, roster, "running")
        case "cancel" if roster.state not in ("cancelled", "done"):
            roster.why = None
            _release(state, roster)
            return _moved(state, roster, "cancelled")
    return refusals.not_waiting(roster.state)


def finished(state: State, command: Finished) -> FinishedTold | Refusal:
    """The run is over."""
    roster = state.rosters.get(command.roster)
    # Who stopped it after its last line stopped nothing; a refusal would be kept, and told again to every later turn.
    if roster is None or roster.state not in ("running", "paused"):
        return refusals.not_waiting(roster.state) if roster else refusals.unknown()
    held = state.held[roster.id]
    if roster.parts_left or held.enrolled + held.refused != roster.lines:
        return refusals.not_over()
    roster.why = None
    _release(state, roster)
    _moved(state, roster, "done")
    return FinishedTold(roster.id, roster.lines, held.enrolled, held.refused, held.charged_fen)


def _release(state: State, roster: Roster) -> None:
    """What was set aside for a roster and not spent is the sponsor's again."""
    if roster.report is not None and roster.confirmed_by is not None:
        left_fen = roster.report.premium_fen - state.held[roster.id].charged_fen
        state.books.reserve(state.account(state.sponsors[roster.sponsor]), -left_fen)


def _moved(state: State, roster: Roster, to: RosterState) -> Roster:
    roster.state = to
    state.moved[roster.id] = roster
    return roster
