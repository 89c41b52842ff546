"""Why a mandate is not given or not revoked, each with what to do."""

from datetime import date

from huibao.core.refusal import Refusal


def principal_unknown() -> Refusal:
    return Refusal("mandate.principal_unknown", None, "委托人不在本平台的参保人员之内，请先到医保经办机构登记。",
                   "the principal is not known here: register with the agency first")


def principal_died() -> Refusal:
    return Refusal("person.died", None, "委托人已登记死亡，不能办理。如有误，请持证明到经办机构更正。",
                   "the principal is registered as deceased: if this is wrong, have the agency correct it")


def principal_minor(age: int) -> Refusal:
    return Refusal("mandate.principal_minor", None, f"委托人未满 18 周岁（{age} 周岁），不能授权他人代办。",
                   f"the principal is {age}, under 18: only adults give a mandate", {"age": age})


def agent_unfit() -> Refusal:
    return Refusal("mandate.agent_unfit", None, "该代办人不能接受授权：代办人须已在本平台登记、在世且年满 18 周岁。请核对编号或另选代办人。",
                   "this agent cannot take a mandate: an agent is registered here, alive and of age. Check the number, or choose another")


def to_oneself() -> Refusal:
    return Refusal("mandate.to_oneself", None, "委托人与代办人是同一人，无需授权。", "principal and agent are one person: no mandate is needed")


def pay_without_order() -> Refusal:
    return Refusal("mandate.pay_alone", None, "只授权支付而不授权下单没有作用，请同时授权下单。",
                   "to pay without to order has no effect: give both")


def term_wrong(on: date, valid_from: date, valid_to: date) -> Refusal:
    return Refusal("mandate.term_wrong", None, f"授权期限 {valid_from} 至 {valid_to} 有误：不得早于今日 {on}，止期不得早于起期，请更正。",
                   f"the term {valid_from} to {valid_to} is wrong: it starts today ({on}) or later and does not end before it starts",
                   {"from": valid_from.isoformat(), "to": valid_to.isoformat()})


def given_already(mandate: int) -> Refusal:
    return Refusal("mandate.given_already", None, "同样的授权已在有效期内，不必重复办理；要变更请先撤销。",
                   "the same mandate is in force already: to change it, revoke it first", {"mandate": mandate})


def mandate_unknown() -> Refusal:
    return Refusal("mandate.unknown", None, "没有此授权，请核对编号。", "no such mandate: check its number")


def revoked_already() -> Refusal:
    return Refusal("mandate.revoked_already", None, "此授权已撤销，无需再次撤销。", "this mandate was revoked before: nothing more is needed")
