"""What is refused of proposals, each with what to do."""

from datetime import date

from huibao.core.refusal import Refusal
from huibao.enrolment.refusals import proposal_unknown

__all__ = ["not_open", "nothing_expires", "proposal_unknown"]


def nothing_expires(why: str) -> Refusal:
    return Refusal("renewal.nothing_expires", None, "没有即将到期、且下一年度在售的保单，未生成续保方案。",
                   "no such policy is about to end with a next year on sale: nothing was proposed", {"why": why})


def not_open(state: str, on: date | None = None) -> Refusal:
    zh = {"confirmed": "已确认投保", "declined": "已谢绝", "lapsed": "已失效"}.get(state, "不在提醒日")
    return Refusal("renewal.not_open", None, f"该续保方案{zh}，未作任何处理。需要投保的，可在产品目录中直接购买。",
                   f"this proposal is {state}, and nothing was done: to be insured all the same, buy from the catalogue",
                   {"state": state} | ({"on": str(on)} if on else {}))
