"""A counter for surrenders over one city, and the batches of account money beside it as the agency and insurers would leave them.

    counter = Counter(city)
    policy = counter.buys(1)
    told = counter.surrenders(policy, BEFORE)
    assert verify(city) == []
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Final, Literal

import msgspec

from huibao.benefits import loading as plans
from huibao.core.batcher import Waiting
from huibao.core.time import business_date
from huibao.enrolment.model import Paid, PayWith
from huibao.policies.numbers import read_number, read_refund
from huibao.record.lane import Lane
from huibao.record.model import DONE, Answer, body_digest, key_digest, untold
from huibao.refunds import own
from huibao.refunds.loading import SQL, quoted
from huibao.refunds.model import (
    Accept,
    AnswerRepayment,
    Command,
    Confirm,
    PayElsewhere,
    RefundTold,
    Repay,
    RepaymentTold,
    Surrender,
    SurrenderTold,
    Withdraw,
)
from huibao.refunds.rules import grant
from huibao.refunds.state import State
from huibao.refunds.work import Refunds
from huibao.remittance import own as remittances
from huibao.remittance.model import Resolve as Decided
from tests.books import DAY, KEYRING, City, buy, order, order_id, owner, refusal, rows
from tests.books import run as run_orders
from tests.record.clerk import service
from tests.remittance import office

#: Cover begins at midnight after DAY; what is surrendered the same evening never covered.
EVENING: Final = DAY + timedelta(hours=8)
#: 1 July 2026: 184 of the 304 days from 3 March to 31 December are left from the next day on less one.
SUMMER: Final = datetime(2026, 7, 1, 2, tzinfo=UTC)

Policy = tuple[int, int]
_KEYS: Final = count(1)


class Counter:
    """Surrenders, and everything that follows of them, each batch on a lane of its own."""

    def __init__(self, city: City) -> None:
        self.city = city

    # ── commands ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def run(self, *commands: Command, at: datetime = EVENING, keys: Sequence[str] = ()) -> list[Answer]:
        """One batch."""
        [answers] = self.at_once([commands], at, [keys] if keys else ())
        return answers

    def at_once(self, batches: Sequence[Sequence[Command]], at: datetime = EVENING, keys: Sequence[Sequence[str]] = ()) -> list[list[Answer]]:
        """Each batch at a lane of its own, all at the same moment."""
        self.city.clock.set(at, backwards=True)

        async def one(commands: Sequence[Command], keys_: Sequence[str]) -> list[Answer]:
            lane: Lane[Command, State] = Lane(service(self.city), self.city.clock, {
                self.city.code: (self.city.schema, Refunds(self.city.running, KEYRING))})
            try:
                told = await lane.run(self.city.code, [waiting(self.city, key, command) for key, command in zip(keys_, commands, strict=True)])
            finally:
                await lane.close()
            return [heard(answer) for answer in told]

        async def story() -> list[list[Answer]]:
            named = keys or [[f"refund-{next(_KEYS)}" for _ in batch] for batch in batches]
            return list(await asyncio.gather(*(one(batch, keys_) for batch, keys_ in zip(batches, named, strict=True))))

        return asyncio.run(story())

    # ── before ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def buys(self, buyer: int, *insured: int, at: datetime = DAY, pay_with: PayWith = "account", sponsor: str | None = None,
             product: str | None = None) -> Policy:
        """The first policy of an order that is paid and in force."""
        [answer] = run_orders(self.city, [buy(self.city, buyer, *insured, at=at, pay_with=pay_with, sponsor=sponsor, product=product)], at)
        if order(answer).state == "awaiting-payment":
            [answer] = run_orders(self.city, [Paid(1, order_id(self.city, answer), order(answer).cash_fen, "ref")], at)
        assert order(answer).state == "completed", answer.body.decode()
        return order_id(self.city, answer), 1

    def lists(self, policy: Policy, at: datetime = DAY + timedelta(hours=1)) -> int:
        """A batch lists the account money of a policy's product; its number."""
        if not rows(self.city, "SELECT FROM receiving_account"):
            office.open_account(self.city, DAY - timedelta(days=30))
        [(product,)] = rows(self.city, "SELECT product FROM policy WHERE (order_id, position) = (%s, %s)", *policy)
        return office.batch(office.done(self.city, office.make(self.city, at, str(product)), at)).remittance

    def answered(self, remittance: int, how: Literal["paid", "failed"], at: datetime = DAY + timedelta(hours=2)) -> None:
        """The bank answered the batch: it paid all of it, or all of it came back."""
        fen = office.batch(office.done(self.city, remittances.sent(remittance), at)).fen
        office.done(self.city, remittances.paid(remittance, fen, fen) if how == "paid" else remittances.returned(remittance), at)

    def comes_back(self, remittance: int) -> None:
        """The bank's late return file brings everything back that it had paid of a batch."""
        lines = rows(self.city, "SELECT transfer_id, fen FROM remittance_line WHERE remittance_id = %s AND state = 'paid'", remittance)
        text = "\n".join(f"line,{entry},,{fen},failed,bank.returned" for entry, fen in lines)
        assert office.read(office.file(self.city, remittance, text)).returned == len(lines)

    def lets_go(self, policy: Policy) -> None:
        """What could not be remitted, since its account is closed, goes to the insurer all the same: a clerk decided so."""
        waiting = "SELECT id FROM open_case WHERE kind = 'remittance' AND closed_at IS NULL"
        if not rows(self.city, waiting):
            self.lists(policy)
        [(case,)] = rows(self.city, waiting)
        office.done(self.city, Decided(office.CLERK, case, "remit"))
        self.remits(policy)

    def remits(self, policy: Policy, at: datetime = DAY + timedelta(hours=1)) -> None:
        """The account money of a policy is with the insurer."""
        self.answered(self.lists(policy, at), "paid", at + timedelta(hours=1))

    def closes(self, person: int, kind: str = "personal", state: str = "closed") -> None:
        """The agency closes an account, or opens it again."""
        with owner(self.city) as connection:
            connection.execute("UPDATE account SET state = %s WHERE owner_id = %s AND kind = %s", [state, person, kind])

    def buries(self, person: int, on: str) -> None:
        with owner(self.city) as connection:
            connection.execute("UPDATE person SET died = %s WHERE id = %s", [on, person])

    # ── surrenders ───────────────────────────────────────────────────────────────────────────────────────────────────

    def quote(self, policy: Policy, at: datetime = EVENING) -> Any:
        """What would go back, or why nothing."""
        async def read() -> Any:
            connection = await service(self.city)()
            async with connection, connection.transaction():
                await connection.execute("SELECT set_config('search_path', %s, true)", [self.city.schema])
                held = await quoted(connection, *policy)
            assert held is not None
            text = rows(self.city, "SELECT t.body FROM offer o JOIN rule_text t ON t.digest = o.plan_digest WHERE o.id = %s", held.offer)[0][0]
            return grant(held, plans.load_text(f"{held.product}.toml", text).surrender, business_date(at))

        return asyncio.run(read())

    def asks(self, policy: Policy, at: datetime = EVENING, fen: int | None = None, buyer: int | None = None) -> Answer:
        """The answer to a surrender of what is quoted now."""
        if fen is None:
            quote = self.quote(policy, at)
            fen = getattr(quote, "fen", 0)
        [answer] = self.run(Surrender(7, *policy, fen, buyer), at=at)
        return answer

    def surrenders(self, policy: Policy, at: datetime = EVENING) -> SurrenderTold:
        return surrendered(self.asks(policy, at))

    def refuses(self, policy: Policy, at: datetime = EVENING, **more: Any) -> str:
        return refusal(self.asks(policy, at, **more)).code

    # ── what follows ─────────────────────────────────────────────────────────────────────────────────────────────────

    def resolves(self, at: datetime = EVENING) -> list[str]:
        """What the service does by itself about refunds of which something is new; the outcomes."""
        with owner(self.city) as connection:
            found = connection.execute(SQL["to_resolve"], {"after": 0, "most": 100}).fetchall()
        return [self.run(own.resolved(id, line, remittance, at.date()).command, at=at)[0].outcome for id, line, remittance in found]

    def repays(self, *refunds: int, fen: int | None = None, reference: str = "B-1", insurer: str | None = "lead", at: datetime = SUMMER) -> Answer:
        """An insurer says that it paid these back."""
        owed = rows(self.city, "SELECT COALESCE(sum(fen), 0)::bigint FROM refund WHERE id = ANY(%s)", list(refunds))[0][0]
        [answer] = self.run(Repay(8, insurer, refunds, reference, owed if fen is None else fen), at=at)
        return answer

    def receives(self, answer: Answer, fen: int | None = None, at: datetime = SUMMER) -> Answer:
        """The agency says what arrived of it."""
        told = repaid(answer)
        [answered] = self.run(AnswerRepayment(9, told.repayment, told.fen if fen is None else fen), at=at)
        return answered

    def confirms(self, refund: int, clerk: int = 9, reason: Any = "closed", at: datetime = SUMMER) -> Answer:
        [answer] = self.run(Confirm(clerk, refund, reason, "柳医保函〔2026〕12号"), at=at)
        return answer

    def accepts(self, refund: int, buyer: int | None, by: Any = "member", evidence: str = "", at: datetime = SUMMER) -> Answer:
        [answer] = self.run(Accept(10, refund, by, "某人", "6222000000000000001", evidence, buyer), at=at)
        return answer

    def pays(self, refund: int, insurer: str = "lead", at: datetime = EVENING, reference: str = "B-9", acceptance: int | None = None) -> str:
        """The insurer says that it paid a refund as it was accepted: last, if it says nothing else."""
        [answer] = self.run(PayElsewhere(8, insurer, refund, reference, self.accepted(refund) if acceptance is None else acceptance), at=at)
        return code(answer)

    def withdraws(self, refund: int, clerk: int = 9, at: datetime = SUMMER) -> Answer:
        [answer] = self.run(Withdraw(clerk, refund), at=at)
        return answer

    def accepted(self, refund: int) -> int:
        """The number of the latest acceptance; 0 where there is none."""
        [(number,)] = rows(self.city, "SELECT COALESCE(max(request_id), 0) FROM refund_acceptance WHERE refund_id = %s", refund)
        return int(number)

    # ── what there is ────────────────────────────────────────────────────────────────────────────────────────────────

    def refunds(self, policy: Policy | None = None) -> list[tuple[str, int, str]]:
        """Each refund, or a policy's: its source, its fen, how it stands."""
        found = rows(self.city, "SELECT source, fen, state, order_id, position FROM refund ORDER BY id")
        return [(source, fen, state) for source, fen, state, *of in found if policy in (None, tuple(of))]

    def ids(self) -> list[int]:
        return [id for (id,) in rows(self.city, "SELECT id FROM refund ORDER BY id")]

    def balance(self, kind: str, person: int | None = None) -> int:
        """What is on an account, in fen."""
        [(fen,)] = rows(self.city, "SELECT sum(credit_fen - debit_fen)::bigint FROM account WHERE kind = %s AND owner_id IS NOT DISTINCT FROM %s", kind, person)
        return int(fen)

    def spent(self, person: int, year: int = 2026) -> int:
        """What counts against a limit year."""
        return sum(fen for (fen,) in rows(self.city, "SELECT spent_fen FROM account_year WHERE person_id = %s AND year = %s", person, year))

    def told(self, person: int) -> list[str]:
        """What somebody was told, in Chinese."""
        return [zh for (zh,) in rows(self.city, "SELECT zh FROM notice WHERE person_id = %s ORDER BY id", person)]

    def cases(self) -> list[tuple[str, bool]]:
        """Cases by cause, and whether they are open."""
        return [(cause, is_open) for cause, is_open in rows(self.city, "SELECT cause, closed_at IS NULL FROM open_case WHERE kind = 'refund' ORDER BY id")]


def waiting(city: City, key: str, command: Command) -> Waiting[Command, Answer]:
    loop = asyncio.get_running_loop()
    return Waiting(key_digest("test", key), body_digest("test", "route", city.code, repr(command).encode()), command, 0, loop.create_future())


def heard(answer: Answer | Exception) -> Answer:
    if isinstance(answer, Exception):
        raise answer
    return answer


def surrendered(answer: Answer) -> SurrenderTold:
    assert answer.outcome == DONE, answer.body.decode()
    return msgspec.json.decode(answer.body, type=SurrenderTold)


def moved(answer: Answer) -> RefundTold:
    assert answer.outcome == DONE, answer.body.decode()
    return msgspec.json.decode(answer.body, type=RefundTold)


def repaid(answer: Answer) -> RepaymentTold:
    assert answer.outcome == DONE, answer.body.decode()
    return msgspec.json.decode(answer.body, type=RepaymentTold)


def code(answer: Answer) -> str:
    """Why nothing was done; `done` where it was."""
    return answer.outcome if answer.outcome == DONE else untold(answer.body).code


def refund_id(city: City, number: str | None) -> int:
    found = read_refund(city.code, number or "")
    assert found is not None, number
    return found


def policy_id(city: City, number: str) -> Policy:
    found = read_number(city.code, number)
    assert found is not None
    assert found[1] is not None
    return found[0], found[1]
