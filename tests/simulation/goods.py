"""What a simulated city sells: plans so plain that a model of a few lines pays the same to the fen."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from huibao.benefits import loading
from huibao.benefits.model import Plan

_TEXT: Final = """syntax = 1
id = "{id}"
name = "模拟产品（{care}）"
kind = "medical"
status = "example"
scheme = "{scheme}"
account = "open"
valid = {{ from = {year}-01-01, to = {year}-12-31 }}
visit_counts_at = "discharge"
sources = ["模拟，不是在售产品"]
{renews}

[surrender]
example = true
cooling_days = 10
after = "days"

[premium]
yuan = {yuan}

[[benefit]]
id = "costs"
name = "医保范围内费用"
base = "in_scope_self_pay"
care = ["{care}"]
deductible = {{ yuan = {deductible}, per = "year" }}
ratio = "{ratio}%"
cap = {{ yuan = {cap}, per = "year" }}

  [[benefit.when]]
  is = "{when}"
  ratio = "{other}%"
"""


#: Who is in hardship, the strongest first.
IN_HARDSHIP: Final = ("destitute", "subsistence-allowance")


@dataclass(frozen=True, slots=True)
class Good:
    """A product as the model knows it: one premium for everybody, a yearly deductible, a ratio in per cent, a yearly cap.

    `other` is the ratio of who is in hardship, or, where it is `by_grade`, in a hospital of the third grade.
    """

    id: str
    year: int
    care: str
    premium_fen: int
    deductible_fen: int
    ratio: int
    cap_fen: int
    other: int
    by_grade: bool = False
    renews: str = ""

    @property
    def valid_from(self) -> date:
        return date(self.year, 1, 1)

    @property
    def valid_to(self) -> date:
        return date(self.year, 12, 31)

    @property
    def sold(self) -> tuple[date, date]:
        """From two months before its year to the last day but one."""
        return date(self.year - 1, 11, 1), date(self.year, 12, 30)

    def cover_from(self, on: date) -> date:
        return max(self.valid_from, on + timedelta(days=1))

    def pays(self, cost_fen: int, used: list[int], hardship: str, grade: int) -> int:
        """What is paid of a cost after what was `used` of deductible and cap, which moves on; exactly half a fen goes up."""
        taken = min(cost_fen, self.deductible_fen - used[0])
        ratio = self.other if (grade == 3 if self.by_grade else hardship in IN_HARDSHIP) else self.ratio
        pays = min(((cost_fen - taken) * ratio * 2 + 100) // 200, self.cap_fen - used[1])
        used[0] += taken
        used[1] += pays
        return pays

    def plan(self, scheme: str) -> Plan:
        """The plan file that says the same."""
        yuan = f"{self.premium_fen // 100}.{self.premium_fen % 100:02d}"
        text = _TEXT.format(id=self.id, scheme=scheme, care=self.care, year=self.year, yuan=yuan,
                            renews=f'renews = "{self.renews}"' if self.renews else "",
                            deductible=self.deductible_fen // 100, ratio=self.ratio, cap=self.cap_fen // 100, other=self.other,
                            when="hospital_grade = 3" if self.by_grade else f"hardship in ({', '.join(IN_HARDSHIP)})")
        return loading.load_text(f"{self.id}.toml", text)


#: What is sold: stays in hospital of two contract years, and visits without a stay, whose cap is soon reached.
GOODS: Final = {good.id: good for good in (
    Good("stay-2026", 2026, "21", 16_801, 100_000, 70, 2_000_000, 85),
    Good("stay-2027", 2027, "21", 17_203, 100_000, 70, 2_000_000, 85, renews="stay-2026"),
    Good("visits-2026", 2026, "11", 160_051, 20_000, 55, 150_000, 45, by_grade=True),
)}
