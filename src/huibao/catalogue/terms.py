"""The terms a buyer reads and agrees to: drawn from the plan, with the notices that the law wants before a purchase."""

from huibao.benefits.authoring import plan_in_words
from huibao.benefits.model import Plan

#: What a buyer confirms one by one, in this order: terms read, exclusions explained （保险法第十七条）, the notices below.
TO_ACCEPT = ("terms", "exclusions", "notice")

_NOTICES = (
    "本保险由商业保险公司承保，不是基本医疗保险，自愿参加。合同双方是投保人与保险公司，条款由保险公司负责解释。",
    "本保险不保证续保，到期不会自动扣费；次年参加须重新确认。",
    "除外责任、等待期、既往症的处理见上文，投保前请逐条阅读。",
)


def terms_text(plan: Plan, insurers: str) -> str:
    """The terms of a product as shown; their SM3 digest is what a consent quotes."""
    lines = [*plan_in_words(plan), f"承保：{insurers}", *_NOTICES]
    return "\n".join(lines) + "\n"
