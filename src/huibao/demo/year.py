"""A year of bills of one person: ordinary, large, elsewhere, late, taken back; the same under every plan."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from huibao.benefits.model import Plan


@dataclass(frozen=True, slots=True)
class Bill:
    """A bill of the year: what happened, and the message's fields."""

    story: str
    row: dict[str, Any]
    lines: tuple[dict[str, Any], ...] = field(default=())


#: What happened, how many days into the year, amounts in yuan by field, and whatever else is special.
_YEAR: tuple[tuple[str, int, dict[str, Any]], ...] = (
    ("肺炎住院，自付不多", 60, {"in_scope_self_pay": 3200, "preselfpay_amt": 460, "fulamt_ownpay_amt": 780, "dise_codg": "J18.9"}),
    ("心脏支架手术，自费较多", 95, {"in_scope_self_pay": 14800, "preselfpay_amt": 6300, "overlmt_selfpay": 2100, "fulamt_ownpay_amt": 38650,
                          "dise_codg": "I25.1"}),
    ("门诊慢特病用药", 130, {"in_scope_self_pay": 1650, "fulamt_ownpay_amt": 320, "med_type": "14", "dise_codg": "I10"}),
    ("异地转诊，肿瘤手术", 170, {"in_scope_self_pay": 26400, "preselfpay_amt": 9800, "fulamt_ownpay_amt": 71300, "place": "referred",
                         "dise_codg": "C34.1"}),
    ("术后化疗，收错费用后撤销", 205, {"in_scope_self_pay": 8800, "fulamt_ownpay_amt": 22400, "dise_codg": "C34.1", "setl_id": "化疗"}),
    ("撤销上一笔", 207, {"reverses": "化疗"}),
    ("术后化疗，更正后重新结算", 208, {"in_scope_self_pay": 8800, "fulamt_ownpay_amt": "19750.50", "dise_codg": "C34.1"}),
    ("迟到的报文：年初的急诊住院", 40, {"in_scope_self_pay": 5100, "preselfpay_amt": 900, "fulamt_ownpay_amt": 2950, "med_type": "24",
                               "dise_codg": "I21.9"}),
    ("重症监护，费用很高", 290, {"in_scope_self_pay": 98000, "preselfpay_amt": 31000, "overlmt_selfpay": 12500, "fulamt_ownpay_amt": 486000,
                         "dise_codg": "J96.0"}),
)


def bills_of(plan: Plan) -> tuple[Bill, ...]:
    """The year's bills, dated within the plan's contract year, for a person of 52 without pre-existing illness."""
    return tuple(_bill(plan, n, story, plan.valid_from + timedelta(days=day), dict(fields))
                 for n, (story, day, fields) in enumerate(_YEAR, 1))


def _bill(plan: Plan, n: int, story: str, settled: date, fields: dict[str, Any]) -> Bill:
    known = {"psn_no": "示例人员", "household_id": "示例家庭", "setl_id": f"账单{n}", "mdtrt_id": f"就诊{n}", "med_type": "21", "insutype": "310",
             "hosp_lv": "3", "age": "52", "preexisting": "0", "years_enrolled": "2", "setl_time": settled.isoformat(),
             "begndate": (settled - timedelta(days=8)).isoformat(), "enddate": settled.isoformat()}
    amounts = {name: str(value) if isinstance(value, int) else value for name, value in fields.items()}
    return Bill(story, {**known, **amounts})
