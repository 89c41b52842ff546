"""How a programme is run under a scheme: how insurers are selected, for how long, at what cost, on whose books."""

from datetime import date, timedelta

from huibao.core.money import WHOLE, half_up, percent, yuan
from huibao.core.refusal import Refusal
from huibao.scheme import words
from huibao.scheme.model import Scheme, in_force
from huibao.scheme.sentences import Allowed, allow, refuse


def selection(scheme: Scheme, on: date, route: str) -> Allowed | Refusal:
    """Whether insurers or products may be selected by this route."""
    rule = in_force(scheme.selection, on)
    if rule is None:
        return refuse(scheme, None, "selection.not_provided", "未规定遴选方式，请在方案文件中写明 selection",
                      "no route of selection is set; write selection in the scheme", route=route)
    if route in rule.routes:
        return allow(scheme, rule.basis.cite, f"可采用{words.ROUTES[route]}", f"may be selected by {route}")
    return refuse(scheme, rule.basis.cite, "selection.route_not_allowed",
                  f"不能采用{words.ROUTES.get(route, route)}，请采用：{words.named(words.ROUTES, rule.routes)}",
                  f"{route} is not a route here; use one of: {', '.join(rule.routes)}", route=route)


def agreement_term(scheme: Scheme, start: date, end: date, reason: str = "") -> Allowed | Refusal:
    """Whether an agreement may run from `start` to `end`, both included, by the rule in force at its start.

    `reason` is what the bureau recorded; it counts only where the cycle is one in principle.
    """
    rule = in_force(scheme.cycle, start)
    if rule is None:
        return allow(scheme, None, "承办周期由协议约定", "the agreement itself sets the cycle")
    full = cycle_end(start, rule.years)
    if end == full:
        return allow(scheme, rule.basis.cite, f"一个周期 {rule.years} 年", f"one cycle of {rule.years} years")
    if rule.in_principle and reason.strip():
        return allow(scheme, rule.basis.cite, f"原则上 {rule.years} 年，已记录理由：{reason.strip()}",
                     f"{rule.years} years in principle, with a reason on record")
    mend_zh = f"，或记录不足或超过 {rule.years} 年的理由" if rule.in_principle else ""
    mend_en = ", or record a reason" if rule.in_principle else ""
    return refuse(scheme, rule.basis.cite, "agreement.not_one_cycle",
                  f"协议期应为一个周期 {rule.years} 年，请订至 {full}{mend_zh}",
                  f"an agreement runs one cycle of {rule.years} years: let it end on {full}{mend_en}",
                  end=end.isoformat(), expected_end=full.isoformat())


def cycle_end(start: date, years: int) -> date:
    """The last day of `years` whole years from `start`."""
    try:
        return start.replace(year=start.year + years) - timedelta(days=1)
    except ValueError:
        return date(start.year + years, 2, 28)


def cost_and_profit(
    scheme: Scheme, on: date, premium_fen: int, cost_fen: int, profit_fen: int, bureau_reason: str = ""
) -> Allowed | Refusal:
    """Whether cost and profit stay within the scheme's share of the premium, or the bureau recorded a reason.

    Raises `ValueError` for a premium that is not above zero.
    """
    if premium_fen <= 0:
        raise ValueError("a share of no premium")
    rule = in_force(scheme.cost_and_profit, on)
    if rule is None:
        return allow(scheme, None, "本地办法不限制成本及盈利率", "cost and profit are not restricted here")
    spent = cost_fen + profit_fen
    share, most = percent(half_up(max(spent, 0) * WHOLE, premium_fen)), percent(rule.most)
    if spent * WHOLE <= premium_fen * rule.most:
        return allow(scheme, rule.basis.cite, f"成本及盈利率 {share}，在 {most} 以内", f"{share}, within {most}")
    if rule.reason_lifts and bureau_reason.strip():
        return allow(scheme, rule.basis.cite, f"成本及盈利率 {share}，超过 {most}，医保局已记录理由：{bureau_reason.strip()}",
                     f"{share}, above {most}, with the bureau's reason on record")
    allowed = premium_fen * rule.most // WHOLE
    mend_zh = "，或由医保局记录理由" if rule.reason_lifts else ""
    mend_en = ", or have the bureau record a reason" if rule.reason_lifts else ""
    return refuse(scheme, rule.basis.cite, "cost.above_limit",
                  f"成本及盈利 {yuan(spent)} 元，超过保费的 {most}（{yuan(allowed)} 元），请降低 {yuan(spent - allowed)} 元{mend_zh}",
                  f"cost and profit of {yuan(spent)} yuan exceed {most} of the premium ({yuan(allowed)} yuan):"
                  f" lower them by {yuan(spent - allowed)} yuan{mend_en}",
                  spent_fen=spent, allowed_fen=allowed, premium_fen=premium_fen)


def kept_elsewhere(scheme: Scheme) -> bool:
    """Whether people's accounts are kept by the agency's own system, which is asked for every movement."""
    return any(account.kept_by != "here" for account in scheme.account)


def book_transfer(scheme: Scheme, on: date, from_product: str, to_product: str) -> Allowed | Refusal:
    """Whether money may move from one product's books to another's."""
    rule = in_force(scheme.books, on)
    if rule and rule.per_product and from_product != to_product:
        return refuse(scheme, rule.basis.cite, "books.products_mixed",
                      "各产品单独核算，资金不得跨产品划转，请在原产品账内办理",
                      "each product keeps its own books: settle it within the product it belongs to",
                      from_product=from_product, to_product=to_product)
    return allow(scheme, rule.basis.cite if rule else None, "可以记账", "may be posted")


def separate_accounts(scheme: Scheme, on: date) -> bool:
    """Whether income and payouts must run through bank accounts of their own, never netted."""
    rule = in_force(scheme.books, on)
    return rule is not None and rule.income_and_payout_apart
