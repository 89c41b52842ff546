"""Deciding a mandate: a fresh check of who gives it online; both parties known, alive and of age; a term within the scheme's; never the
same twice. Revoking one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from huibao.core.refusal import Refusal
from huibao.core.time import whole_years
from huibao.mandates import refusals
from huibao.mandates.model import Authorise, Mandate, Revoke
from huibao.members.freshness import expired
from huibao.members.model import Member
from huibao.scheme.model import MANDATE, Scheme, in_force
from huibao.scheme.sentences import refuse

_ADULT = 18


@dataclass(slots=True)
class State:
    """The people and mandates of a batch, and what it did. `on` is the business date."""

    scheme: Scheme
    on: date
    people: Mapping[int, Member]
    mandates: dict[int, Mandate]
    given: list[Mandate] = field(default_factory=list)
    revoked: list[Mandate] = field(default_factory=list)


def authorise(state: State, asked: Authorise, request_id: int, at: datetime) -> Mandate | Refusal:
    """A mandate as asked for, or why not."""
    refused = expired(state.scheme, state.on, asked.checked_at, at) if asked.checked_at is not None else None
    refused = refused or _parties(state, asked) or _terms(state, asked)
    if refused:
        return refused
    same = next((one for one in state.mandates.values() if _same(one, asked, state.on)), None)
    if same is not None:
        return refusals.given_already(same.id)
    made = Mandate(request_id, asked.principal, asked.agent, asked.may, asked.valid_from, asked.valid_to, asked.evidence, asked.digest,
                   asked.credential)
    state.mandates[made.id] = made
    state.given.append(made)
    return made


def revoke(state: State, asked: Revoke, at: datetime) -> Mandate | Refusal:
    """The mandate ends now, by the will of its principal or its agent, or by the agency's."""
    found = state.mandates.get(asked.mandate)
    if found is None or (asked.person is not None and asked.person not in (found.principal, found.agent)):
        return refusals.mandate_unknown()
    if found.revoked_at is not None:
        return refusals.revoked_already()
    found.revoked_at, found.revoked_by = at, asked.credential
    if found not in state.given:
        state.revoked.append(found)
    return found


def _parties(state: State, asked: Authorise) -> Refusal | None:
    if asked.principal == asked.agent:
        return refusals.to_oneself()
    # What is wrong with another is not said to who gives a mandate: anybody may name anybody as their agent.
    return _principal(state, asked.principal) or (refusals.agent_unfit() if _principal(state, asked.agent) else None)


def _principal(state: State, id: int) -> Refusal | None:
    member = state.people.get(id)
    if member is None or member.wrapped is None:
        return refusals.principal_unknown()
    if member.died is not None and member.died <= state.on:
        return refusals.principal_died()
    age = whole_years(member.born, state.on)
    return refusals.principal_minor(age) if age < _ADULT else None


def _terms(state: State, asked: Authorise) -> Refusal | None:
    rule = in_force(state.scheme.mandate, state.on) or MANDATE
    if "order" not in asked.may:
        return refusals.pay_without_order()
    if "pay" in asked.may and not rule.account:
        return refuse(state.scheme, rule.basis.cite, "mandate.account_closed",
                      "本地不允许授权他人使用个人账户，请只授权下单，由代办人现金支付",
                      "nobody may be let use another's account here: give a mandate to order alone, paid in cash")
    if not state.on <= asked.valid_from <= asked.valid_to:
        return refusals.term_wrong(state.on, asked.valid_from, asked.valid_to)
    if asked.valid_to - asked.valid_from >= timedelta(days=rule.most_days):
        return refuse(state.scheme, rule.basis.cite, "mandate.term_too_long",
                      f"一次授权最长 {rule.most_days} 天，请缩短期限，到期后可再次授权",
                      f"a mandate runs {rule.most_days} days at most: shorten it, and give another when it is over",
                      most_days=rule.most_days)
    return None


def _same(one: Mandate, asked: Authorise, on: date) -> bool:
    """Whether a mandate in force lets the agent do all of this as long as this."""
    return ((one.principal, one.agent) == (asked.principal, asked.agent) and one.revoked_at is None and on <= one.valid_to
            and set(asked.may) <= set(one.may) and one.valid_from <= asked.valid_from and asked.valid_to <= one.valid_to)
