"""A batch on its way: listed, told to the bank, paid or come back, confirmed by the insurer; and what a person decides of the rest."""

from datetime import timedelta

from huibao.core.money import yuan
from huibao.core.refusal import Refusal
from huibao.remittance import refusals
from huibao.remittance.model import (
    CAME_BACK,
    Acknowledge,
    BankPaid,
    BankReturned,
    Batch,
    BatchTold,
    Case,
    LineState,
    Make,
    ReceiptTold,
    Resolve,
    ResolvedTold,
    Sent,
    Sum,
)
from huibao.remittance.schedule import start_of
from huibao.remittance.state import Due, Listed, Move, NewCase, Run, Skipped, State


def make(state: State, command: Make, request_id: int) -> Listed | Skipped | Refusal:
    """One batch of everything that waits. What the schedule asks for is done once a day, and no batch is an outcome of it too."""
    offer = state.shelf.offers.get(command.product)
    if offer is None:
        return refusals.product_unknown()
    if command.until > start_of(state.on + timedelta(days=1)):
        return refusals.not_over()
    if (command.product, command.due_on) in state.runs:
        return refusals.run_done(f"{command.due_on}")
    made = _made(state, command, offer.lead, request_id)
    if isinstance(made, Listed):
        state.listed.append(made)
    if command.due_on is None:
        return made
    skipped = Skipped(command.product, offer.lead, made) if isinstance(made, Refusal) else None
    state.runs.add((command.product, command.due_on))
    state.new_runs.append(Run(command.product, command.due_on, skipped.why.code if skipped else "listed", None if skipped else request_id))
    if skipped and skipped.why.code == refusals.NO_ACCOUNT:
        state.new_cases.append(NewCase("receiving.none", command.product, None, sum(state.due[command].fen)))
    return skipped or made


def _made(state: State, command: Make, insurer: str, request_id: int) -> Listed | Refusal:
    due = _left(state.due[command], state.taken | state.kept)
    fen = sum(due.fen)
    if not due.transfers and not due.not_open:
        return refusals.nothing_due()
    account = state.receiving(insurer)
    if account is None:
        return refusals.no_account(insurer)
    if command.due_on is not None and fen < state.rule.minimum_fen:
        return refusals.below_minimum(fen, state.rule.minimum_fen)
    batch = Batch(request_id, command.product, insurer, account.id, command.until, len(due.transfers), fen,
                  "listed" if due.transfers else "answered", listed=Sum(len(due.transfers), fen))
    state.taken.update(due.transfers, (transfer for transfer, _, _ in due.not_open))
    state.new_cases += [NewCase(reason, batch.product, batch.id, left, transfer) for transfer, left, reason in due.not_open]
    return Listed(batch, due)


def _left(due: Due, without: set[int]) -> Due:
    """What no earlier command of the same batch has listed, or a person kept."""
    if not without:
        return due
    left = [(transfer, fen) for transfer, fen in zip(due.transfers, due.fen, strict=True) if transfer not in without]
    return Due([transfer for transfer, _ in left], [fen for _, fen in left], [one for one in due.not_open if one[0] not in without])


# ── the bank ─────────────────────────────────────────────────────────────────────────────────────────────────────────

def sent(state: State, command: Sent) -> Batch | Refusal:
    """From here on the bank may have it. Said twice is once."""
    batch = state.batches.get(command.remittance)
    if batch is None or batch.state == "answered":
        return refusals.not_waiting(batch.state) if batch else refusals.batch_unknown()
    batch.state = "sent"
    return _moved(state, batch)


def paid(state: State, command: BankPaid) -> Batch | Refusal:
    """All that is not known to have failed is paid; any other amount is a case, and the lines wait for the bank's file."""
    batch = _sent(state, command.remittance)
    if isinstance(batch, Refusal):
        return batch
    if command.fen != batch.listed.fen + batch.paid.fen:
        part = command.fen < batch.listed.fen + batch.paid.fen
        state.new_cases.append(NewCase("bank.partial" if part else "bank.amount_differs", batch.product, batch.id, command.fen))
        return batch
    whole(state, batch, "paid")
    return batch


def returned(state: State, command: BankReturned) -> Batch | Refusal:
    """All that is not answered came back: it is listed again with what comes next."""
    batch = _sent(state, command.remittance)
    if isinstance(batch, Refusal):
        return batch
    state.new_cases.append(NewCase(CAME_BACK, batch.product, batch.id, batch.listed.fen))
    whole(state, batch, "failed", CAME_BACK)
    return batch


def _sent(state: State, id: int) -> Batch | Refusal:
    batch = state.batches.get(id)
    if batch is None:
        return refusals.batch_unknown()
    return batch if batch.state == "sent" else refusals.not_waiting(batch.state)


def whole(state: State, batch: Batch, to: LineState, reason: str | None = None) -> None:
    """Every line that is not answered is now."""
    for line in state.lines.get(batch.id, {}).values():
        if line.state == "listed":
            line.state = to
    state.moves.append(Move(batch.id, "listed", to, reason))
    shift(state, batch, "listed", to, batch.listed.count, batch.listed.fen)


def shift(state: State, batch: Batch, since: LineState, to: LineState, count: int, fen: int) -> None:
    """So many lines go on, and their money with them."""
    offer = state.shelf.offers[batch.product]
    clearing, income = state.books.accounts[offer.clearing_id], state.books.accounts[offer.income_id]
    if to == "paid" and fen:
        state.books.transfer("premium-remitted", clearing, income, fen, remittance=batch.id)
    elif since == "paid" and fen:
        state.books.transfer("remittance-returned", income, clearing, fen, remittance=batch.id)
    batch.sum(since).add(-count, -fen)
    batch.sum(to).add(count, fen)
    if not batch.listed.count and batch.state != "answered":
        batch.state = "answered"
        state.settled += [(batch.id, cause, "answered") for cause in ("bank.partial", "bank.amount_differs")]
    _moved(state, batch)


def _moved(state: State, batch: Batch) -> Batch:
    state.moved[batch.id] = batch
    return batch


# ── the insurer, and people ──────────────────────────────────────────────────────────────────────────────────────────

def acknowledge(state: State, command: Acknowledge) -> ReceiptTold | Refusal:
    """The insurer's word beside the bank's: where they agree it is on record, where not a person looks into it."""
    batch = state.batches.get(command.remittance)
    if batch is None or command.insurer not in (None, batch.insurer):
        return refusals.batch_unknown()
    if batch.state != "answered":
        return refusals.not_answered()
    agrees = (command.count, command.fen) == (batch.paid.count, batch.paid.fen) and command.same_file
    if agrees:
        batch.confirmed_at, batch.confirmed_fen = state.at, command.fen
        state.settled.append((batch.id, "receipt.differs", "confirmed"))
        _moved(state, batch)
        zh, en = "与平台一致，已确认收款。", "agrees with what was paid: confirmed."
    else:
        state.new_cases.append(NewCase("receipt.differs", batch.product, batch.id, command.fen - batch.paid.fen))
        zh = (f"与平台不一致：平台已付 {batch.paid.count} 笔 {yuan(batch.paid.fen)} 元"
              f"{'' if command.same_file else '，文件摘要不同'}。已转人工核对，请核对文件与银行到账。")
        en = (f"differs: {batch.paid.count} lines with {yuan(batch.paid.fen)} yuan were paid"
              f"{'' if command.same_file else ', and the digest is of another file'}; a person looks into it.")
    return ReceiptTold(batch.id, agrees, command.count, command.fen, batch.paid.count, batch.paid.fen, zh, en)


def resolve(state: State, command: Resolve) -> Case | Refusal:
    """A person's decision about one movement: it is listed next time whatever its account is, or kept until decided otherwise."""
    case = state.cases.get(command.case)
    if case is None:
        return refusals.case_unknown()
    if case.outcome not in (None, "kept") or case.outcome == command.how:
        return refusals.case_closed(case.outcome or "")
    if case.transfer is None:
        return refusals.case_of_batch()
    if case.transfer in state.taken:
        return refusals.case_closed("listed-again")
    if command.how == "kept":
        state.kept.add(case.transfer)
    else:
        state.kept.discard(case.transfer)
    case.outcome = command.how
    state.resolved[case.id] = case
    return case


def resolved_told(case: Case) -> ResolvedTold:
    zh, en = {
        "remit": ("列入下一批划转。", "listed in the next batch"),
        "kept": ("留在清算户，不再列入，直至另行决定。", "kept in clearing until it is decided otherwise"),
    }[case.outcome or ""]
    return ResolvedTold(case.id, case.outcome or "", zh, en)


def skipped_told(skipped: Skipped) -> BatchTold:
    """A day of the schedule without a batch."""
    return BatchTold(0, skipped.product, skipped.insurer, "none", 0, 0, 0, 0, 0, 0, 0, skipped.why.zh, skipped.why.en)


def batch_told(batch: Batch, not_open: int = 0) -> BatchTold:
    """A batch as every side reads it; `not_open` is told when it is made."""
    if not batch.count:
        zh, en = f"{not_open} 笔账户已冻结或注销，待人工处理，没有可划转的资金。", f"{not_open} accounts are not open and wait for a person; nothing to pay"
    elif batch.state == "listed":
        zh, en = "已列入批次，等待发送银行。", "listed; waits to be told to the bank"
    elif batch.state == "sent":
        zh, en = "已发送银行，等待答复。", "told to the bank; waits for its answer"
    elif batch.failed.count:
        zh = f"银行已付 {yuan(batch.paid.fen)} 元，{batch.failed.count} 笔 {yuan(batch.failed.fen)} 元未付，列入下批。"
        en = f"{yuan(batch.paid.fen)} yuan paid; {batch.failed.count} lines with {yuan(batch.failed.fen)} failed and are listed again"
    else:
        zh, en = "银行已全部付讫。", "paid in full"
    return BatchTold(batch.id, batch.product, batch.insurer, batch.state, batch.count, batch.fen, batch.paid.count, batch.paid.fen,
                     batch.failed.count, batch.failed.fen, not_open, zh, en)
