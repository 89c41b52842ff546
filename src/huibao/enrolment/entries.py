"""Who enters an order for its buyer: a clerk at a counter, an agent under a mandate, a registered relative （亲友代办）.

Whoever acts is known, alive and of age, and proves who they are; the buyer's own consent is on record with the mandate, or was
presented at the counter. A relative without a mandate never reaches the buyer's account.
"""

from dataclasses import dataclass
from typing import Final

from huibao.core.refusal import Refusal
from huibao.core.time import whole_years
from huibao.enrolment import refusals
from huibao.enrolment.model import Buy, Entry
from huibao.enrolment.state import State
from huibao.members.model import Member
from huibao.scheme.model import MANDATE, MandateRule, in_force
from huibao.scheme.sentences import refuse
from huibao.scheme.words import KIN, named


@dataclass(frozen=True, slots=True)
class Authority:
    """By what somebody acts for the buyer: a mandate, or as which registered relative; neither where the buyer acts or a clerk does."""

    mandate: int | None = None
    relation: str | None = None


NONE_NEEDED: Final = Authority()


def acting(buy: Buy) -> int:
    """Who acts, and is the one whose identity is checked: at a counter the buyer stands there."""
    if buy.entry is not None and buy.entry.channel == "agent" and buy.entry.person is not None:
        return buy.entry.person
    return buy.buyer


def by_another(buy: Buy) -> Entry | None:
    """Who entered an order that its buyer did not enter. Whoever names the buyer as their own agent names nobody."""
    return None if buy.entry is not None and buy.entry.channel == "agent" and buy.entry.person == buy.buyer else buy.entry


def authority(state: State, buy: Buy, buyer: Member | None) -> Authority | Refusal:
    """By what an order may be entered for its buyer, or why not. Whoever may not learns nothing of the buyer."""
    if acting(buy) == buy.buyer:
        return NONE_NEEDED
    agent = state.people.get(acting(buy))
    refused = _agent(agent, state)
    if refused or agent is None:
        return refused or _agent_unknown()
    rule = in_force(state.programme.scheme.mandate, state.on) or MANDATE
    kin = buyer.kin.get(agent.id) if buyer else None
    relation = kin.relation if kin else None
    given = [mandate for mandate in state.mandates.get((buy.buyer, agent.id), ()) if "order" in mandate.may]
    if buy.pay_with == "account":
        return _account(state, rule, [mandate.id for mandate in given if "pay" in mandate.may], relation)
    if given:
        return Authority(given[0].id, relation)
    if relation in rule.relatives:
        return Authority(None, relation)
    return _nobody(state, rule)


def _agent(agent: Member | None, state: State) -> Refusal | None:
    if agent is None or agent.wrapped is None:
        return _agent_unknown()
    if agent.died is not None and agent.died <= state.on:
        return refusals.person_died("代办人", "agent")
    age = whole_years(agent.born, state.on)
    return None if age >= 18 else Refusal(
        "agent.minor", None, f"代办人未满 18 周岁（{age} 周岁），不能代办，请由成年人办理。",
        f"who acts is {age}, under 18: an adult acts for another", {"age": age})


def _agent_unknown() -> Refusal:
    return Refusal("agent.unknown", None, "代办人不在本平台的参保人员之内，请先到医保经办机构登记。",
                   "who acts is not known here: register with the agency first")


def _account(state: State, rule: MandateRule, mandates: list[int], relation: str | None) -> Authority | Refusal:
    """The buyer's account is spent by a mandate that says so, where the scheme lets one."""
    if not rule.account:
        return refuse(state.programme.scheme, rule.basis.cite, "mandate.account_closed",
                      "代办人不能使用委托人的个人账户，请改为现金支付，或由本人办理",
                      "who acts for another may not use their account here: pay in cash, or let the person buy")
    if not mandates:
        return refuse(state.programme.scheme, rule.basis.cite, "mandate.account_not_given",
                      "没有使用其个人账户的有效授权，请由本人在线授权或到柜台办理授权，或改为现金支付",
                      "there is no mandate in force to pay from the person's account: have the person give one, or pay in cash")
    return Authority(mandates[0], relation)


def _nobody(state: State, rule: MandateRule) -> Refusal:
    may_zh = f"；登记的{named(KIN, rule.relatives)}可以直接代办" if rule.relatives else ""
    may_en = f"; registered kin may act without one: {', '.join(rule.relatives)}" if rule.relatives else ""
    return refuse(state.programme.scheme, rule.basis.cite, "mandate.none",
                  f"没有为其代办的有效授权，请由本人在线授权或到柜台办理授权{may_zh}",
                  f"there is no mandate in force to act for this person: have the person give one, online or at a counter{may_en}")
