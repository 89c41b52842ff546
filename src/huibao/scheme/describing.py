"""A scheme in Chinese lines, as an official reads it: every rule with its content, clause and dates."""

from collections.abc import Callable, Iterable
from typing import Final

from huibao.core.money import percent, yuan
from huibao.scheme import model, words
from huibao.scheme.afterwards import Endorsing, Renewal
from huibao.scheme.model import Amount, Basis, Cite, Rule, Scheme
from huibao.scheme.words import named


def describe(scheme: Scheme) -> list[str]:
    """The whole scheme, one line a rule version; silent sections are named at the end."""
    document = scheme.document
    lines = [
        f"{scheme.name}（{scheme.id}）",
        (f"文件：《{document.title}》{document.number}，{document.issuer}，{document.issued}，"
         f"{words.DOCUMENT_STATUS[document.status]}"),
    ]
    if document.note:
        lines.append(f"说明：{document.note}")
    lines += [
        f"适用医保区划：{'、'.join(scheme.admdvs)}",
        f"结算报文：个人账户支付{words.ACCT_PAY_COUNTED[scheme.acct_pay_counted]}",
    ]
    silent = []
    for heading, versions in _sections(scheme).items():
        if not versions:
            silent.append(heading)
        lines += [f"{heading}：{_TEXT[type(rule)](rule)}{_source(rule.basis)}" for rule in versions]
    if silent:
        lines.append(f"文件未作规定：{'、'.join(silent)}")
    lines.append(f"文本摘要：{scheme.digest}")
    return lines


def _sections(scheme: Scheme) -> dict[str, tuple[Rule, ...]]:
    return {
        "付款人": scheme.payer,
        "可为谁购买": scheme.relations,
        "门诊慢性病待遇": scheme.chronic_benefit,
        "被保险人": scheme.insured,
        "参加人群": scheme.join,
        "个人账户": scheme.account,
        "审核": scheme.review,
        "审核时限": scheme.review_clock,
        "身份核验": scheme.identity,
        "系统联通": scheme.connection,
        "可销售险种": scheme.kinds,
        "只能自费的险种": scheme.cash_only,
        "上架条件": scheme.listing,
        "不得含有": scheme.refused_features,
        "保费": scheme.premium,
        "保障范围": scheme.coverage,
        "不得免责的常见病": scheme.common_illness,
        "困难群众倾斜": scheme.hardship,
        "赔付次序": scheme.payer_order,
        "遴选方式": scheme.selection,
        "承办周期": scheme.cycle,
        "成本及盈利": scheme.cost_and_profit,
        "净赔付率": scheme.payout_ratio,
        "年度结余": scheme.surplus,
        "账务": scheme.books,
        "出院直赔": scheme.desk,
        "退保退款": scheme.refund,
        "账户资金划转": scheme.remittance,
        "资助参保": scheme.sponsored,
        "保全": scheme.endorsement,
        "代办": scheme.mandate,
        "续保提醒": scheme.renewal,
    }


def _source(basis: Basis) -> str:
    until = f"至 {basis.until}" if basis.until else "起"
    return f"〔{_cite(basis.cite)}，{basis.since} {until}〕"


def _cite(cite: Cite | None) -> str:
    if cite is None:
        return "未作规定"
    return f"{cite.id} {cite.place}" if cite.id else "示例"


def _enrolment(insurance: Iterable[str], status: Iterable[str]) -> str:
    return f"参加{named(words.INSURANCE, insurance)}，{named(words.STATUS, status)}"


def _payer(rule: model.Payer) -> str:
    own, relative = _cite(rule.status_for_self), _cite(rule.status_for_relative)
    apart = f"（为本人：{own}；为亲属：{relative}）" if own != relative else ""
    return f"{_enrolment(rule.insurance, rule.status)}{apart}"


def _join(rule: model.Join) -> str:
    who = "任何人" if rule.everyone else _enrolment(rule.insurance, rule.status)
    barred = named(words.CONDITIONS, rule.forbidden_conditions)
    return f"{who}；不得设置条件：{barred}" if barred else who


def _account(rule: model.Account) -> str:
    if not rule.open:
        return "不开放"
    parts = ["开放"]
    if rule.minimum_balance:
        parts.append(f"购买时余额不低于{_amount(rule.minimum_balance)}")
    if rule.yearly_limit:
        parts.append(f"每一{_YEARS[rule.limit_year]}最多支付{_amount(rule.yearly_limit)}")
    parts.append(f"使用次序 {named(words.ACCOUNTS, rule.order)}（{_cite(rule.order_cite)}）")
    parts.append(f"超出或不足的部分{words.EXCESS[rule.excess]}（{_cite(rule.excess_cite)}）")
    if rule.kept_by != "here":
        parts.append(words.KEEPERS[rule.kept_by])
    return "；".join(parts)


_YEARS: Final = {"calendar": "自然年度"}


def _amount(amount: Amount) -> str:
    return f" {yuan(amount.fen)} 元（{_cite(amount.cite)}）"


def _review(rule: model.ReviewRule) -> str:
    two = f"；账户支付超过{_amount(rule.two_above)}的由两人审核" if rule.two_above else ""
    return f"{words.REVIEWERS[rule.by]}{two}"


def _clock(rule: model.ReviewClock) -> str:
    return (f"{rule.escalate_days} 个工作日未办的督办，{rule.void_days} 个工作日未办的作废；"
            f"错过统一起保日的{words.MISSED_START[rule.missed_start]}；经办人员领取后 {rule.claim_minutes} 分钟内由其审核")


def _premium(rule: model.Premium) -> str:
    never = f"；不得按{named(words.FACTORS, rule.never_by)}定价" if rule.never_by else ""
    return f"可按{named(words.FACTORS, rule.may_vary_by) or '（无）'}区分{never}"


def _common(rule: model.CommonIllness) -> str:
    return f"{'、'.join(rule.codes)}{'（病种清单为示例）' if rule.codes_are_example else ''}"


def _order(rule: model.PayerOrder) -> str:
    return f"{named(words.PAYERS, rule.first)}先付，再由本保险赔付；由计划定次序：{named(words.PAYERS, rule.plan_sets)}"


def _cycle(rule: model.Cycle) -> str:
    return f"{'原则上 ' if rule.in_principle else ''}{rule.years} 年"


def _cost(rule: model.CostAndProfit) -> str:
    return f"不超过保费的 {percent(rule.most)}{'，医保局记录理由的除外' if rule.reason_lifts else ''}"


def _books(rule: model.Books) -> str:
    return (f"{'各产品单独核算' if rule.per_product else '不分产品核算'}，"
            f"收入与赔付{'分设账户' if rule.income_and_payout_apart else '不分设账户'}")


def _desk(rule: model.Desk) -> str:
    return (f"医院 {rule.confirm_hours} 小时内确认抵扣，经查未抵扣的{words.UNCONFIRMED[rule.unconfirmed]}；"
            f"冲销后等待 {rule.wait_days} 天重新结算，应补的 {rule.pay_days} 天内支付")


def _refund(rule: model.Refund) -> str:
    return (f"按来源原路退回；账户不能入账的，经办机构 {rule.people} 人确认（{_cite(rule.confirm)}）后由保险公司按本人或继承人接受的"
            f"方式支付（{_cite(rule.elsewhere)}）")


def _remitting(rule: model.Remitting) -> str:
    days = [named(words.WEEKDAYS, rule.weekdays), "、".join(f"每月 {day} 日" for day in rule.month_days)]
    when = "、".join(filter(None, days)) or "由经办人员发起，不自动进行"
    least = f"，满 {yuan(rule.minimum_fen)} 元的" if rule.minimum_fen else ""
    return f"{when}{least}按产品成批划转；保险公司收款账户变更核准后 {rule.account_days} 个工作日生效"


def _sponsored(rule: model.Sponsored) -> str:
    return (f"{'逐人告知' if rule.notice else '不逐人告知'}；"
            f"已自行投保的{'且未起保的，改由资助方出资，原保费原路退回' if rule.replaces_own else '不重复投保，不向资助方收费'}")


def _mandate(rule: model.MandateRule) -> str:
    relatives = f"；登记的{named(words.KIN, rule.relatives)}可凭亲属关系代办，不动用账户" if rule.relatives else ""
    return (f"受托人{'可以' if rule.account else '不得'}使用委托人的个人账户，一次授权最长 {rule.most_days} 天{relatives}")


_TEXT: Final[dict[type, Callable[..., str]]] = {
    model.Payer: _payer,
    model.Insured: lambda rule: _enrolment(rule.insurance, rule.status),
    model.Join: _join,
    model.Relations: lambda rule: named(words.RELATIONS, rule.allow),
    model.ChronicBenefit: lambda rule: "已办理的不得为亲属购买" if rule.bars_relatives else "不限制为亲属购买",
    model.Account: _account,
    model.ReviewRule: _review,
    model.ReviewClock: _clock,
    model.Identity: lambda rule: f"划款前核验身份与意愿，{rule.minutes} 分钟内有效",
    model.ConnectionRule: lambda rule: "保险公司系统通过联通测试后方可线上销售" if rule.tested else "不要求",
    model.Kinds: lambda rule: named(words.KINDS, rule.sell),
    model.CashOnly: lambda rule: named(words.KINDS, rule.kinds),
    model.Listing: lambda rule: f"经{named(words.ROUTES, rule.by)}确认",
    model.RefusedFeatures: lambda rule: named(words.FEATURES, rule.features),
    model.Premium: _premium,
    model.Coverage: lambda rule: "政策范围内、外费用均须保障" if rule.both_sides else "不限制",
    model.CommonIllness: _common,
    model.Hardship: lambda rule: f"{named(words.HARDSHIPS, rule.categories)}；{named(words.FAVOURS, rule.favours)}",
    model.PayerOrder: _order,
    model.Selection: lambda rule: named(words.ROUTES, rule.routes),
    model.Cycle: _cycle,
    model.CostAndProfit: _cost,
    model.PayoutRatio: lambda rule: f"协议期净赔付低于总筹资额的 {percent(rule.below)} 时重新精算",
    model.Surplus: lambda rule: "限定利润以外的转入下一年度或周期" if rule.carried else "不结转",
    model.Books: _books,
    model.Desk: _desk,
    model.Refund: _refund,
    model.Remitting: _remitting,
    model.Sponsored: _sponsored,
    Endorsing: lambda rule: f"需两人办理的变更 {rule.proposal_days} 天内复核，过期作废",
    model.MandateRule: _mandate,
    Renewal: lambda rule: (f"期满前 {'、'.join(map(str, rule.remind_days))} 天提醒，经本人重新确认方可投保，不自动扣费；"
                           f"间隔不超过 {rule.gap_days} 天为连续参保"),
}
