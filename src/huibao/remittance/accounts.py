"""Where insurers take their money: proposed by one person, called back, decided by another, in force after a delay.

Who steals a remittance changes the account first. So a change never follows a request alone: the insurer is called on the number that
was on file before it, two people have to see it, and it is in force only after days in which the insurer may notice.
"""

from typing import Final

from huibao.core.refusal import Refusal
from huibao.core.sealing import Place, new_row_key, open_sealed, seal, unwrap_row_key
from huibao.remittance import refusals
from huibao.remittance.model import AccountTold, CallBack, CallBackTold, Called, Decide, Receiving, Register
from huibao.remittance.schedule import in_force_from
from huibao.remittance.state import State

TABLE: Final = "receiving_account"


def register(state: State, command: Register, request_id: int) -> Receiving | Refusal:
    """A change waits for its call-back and its second person; one at a time for each insurer."""
    if command.insurer not in {offer.lead for offer in state.shelf.offers.values()}:
        return refusals.insurer_not_lead()
    for other in state.accounts.values():
        if other.insurer == command.insurer and other.state == "proposed":
            return refusals.change_open(other.id)
    made = _sealed(state, command, request_id)
    state.accounts[made.id] = made
    state.new_accounts.append(made)
    return made


def _sealed(state: State, command: Register, id: int) -> Receiving:
    code = state.programme.code
    wrapped, key = new_row_key(state.keyring, Place(code, TABLE, id, "wrapped"))
    number, phone = (seal(key, text.encode(), Place(code, TABLE, id, column))
                     for column, text in (("number", command.number), ("phone", _digits(command.phone))))
    return Receiving(id, command.insurer, command.bank, command.holder, command.number[-4:], wrapped, number, phone, command.credential,
                     "proposed", None)


def opened(state: State, account: Receiving, column: str) -> str:
    """What is sealed of an account: its `number`, or the `phone` for call-backs."""
    place = Place(state.programme.code, TABLE, account.id, "wrapped")
    key = unwrap_row_key(state.keyring, place, account.wrapped)
    return open_sealed(key, account.number if column == "number" else account.phone, place._replace(column=column)).decode()


def _digits(phone: str) -> str:
    return "".join(filter(str.isdigit, phone))


def on_file(state: State, account: Receiving) -> Receiving:
    """With which account the number stands that a call-back about this one goes to: the one in force; a first one has its own."""
    return state.receiving(account.insurer) or account


def call_back(state: State, command: CallBack, request_id: int) -> Called | Refusal:
    """The call is on record; where the insurer knows nothing of the change, that is the end of it."""
    account = _waiting(state, command.account)
    if isinstance(account, Refusal):
        return account
    if command.credential == account.proposed_by:
        return refusals.same_person()
    known = on_file(state, account)
    if _digits(command.number) != opened(state, known, "phone"):
        return refusals.other_number()
    made = Called(request_id, account.id, known.id, command.credential, command.answer)
    state.calls.append(made)
    state.new_calls.append(made)
    if made.answer == "denied":
        _end(state, account, command.credential, "refused")
    return made


def decide(state: State, command: Decide) -> Receiving | Refusal:
    """Approved by who did not propose it, once the insurer has confirmed it; refused by anybody, at any time before."""
    account = _waiting(state, command.account)
    if isinstance(account, Refusal):
        return account
    if not command.approve:
        return _end(state, account, command.credential if command.credential != account.proposed_by else None, "refused")
    if command.credential == account.proposed_by:
        return refusals.same_person()
    if not any(call.account == account.id and call.answer == "confirmed" for call in state.calls):
        return refusals.not_called()
    account.effective_at = in_force_from(state.at, state.rule.account_days)
    return _end(state, account, command.credential, "approved")


def _waiting(state: State, id: int) -> Receiving | Refusal:
    account = state.accounts.get(id)
    if account is None:
        return refusals.account_unknown()
    return account if account.state == "proposed" else refusals.already_decided(account.state)


def _end(state: State, account: Receiving, by: int | None, to: str) -> Receiving:
    account.state = to  # type: ignore[assignment]  # one of its states
    account.decided_by = by
    state.decided_accounts.append(account)
    return account


def masked(tail: str) -> str:
    return f"****{tail}"


def account_told(account: Receiving) -> AccountTold:
    """An account as everybody reads it."""
    zh, en = {
        "proposed": ("待回访并由另一人复核，复核前仍划至原账户。", "waits for a call-back and a second person; until then the present account is paid"),
        "approved": ("已核准，生效后列入的批次划至该账户。", "approved: batches made from when it is in force are paid to it"),
        "refused": ("已退回，收款账户不变。", "refused: nothing changes"),
    }[account.state]
    return AccountTold(account.id, account.insurer, account.bank, account.holder, masked(account.tail), account.state, account.proposed_by,
                       account.decided_by, account.effective_at, zh, en)


def called_told(call: Called) -> CallBackTold:
    zh, en = {
        "confirmed": ("保险公司确认变更，可由另一人核准。", "the insurer confirmed: another person may approve"),
        "denied": ("保险公司否认变更，已退回。请报告主管并核查来函。", "the insurer knows nothing of it: refused. Report it, and look into where it came from"),
        "no-answer": ("未接通，请另择时间回访。", "nobody answered: call again"),
    }[call.answer]
    return CallBackTold(call.account, call.answer, zh, en)
