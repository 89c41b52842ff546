"""Who may buy what for whom, with which money: the decision of a purchase and those it is made of.

`decide_purchase` checks in this order, and the first that fails is the answer:

1. the scheme's document is issued;
2. the product: its kind, its features, its listing;
3. paid in cash: the insured may join. Nothing below concerns cash;
4. the account: it may pay for this kind, the document opens it, the product's terms of the year open it;
5. the payer's insurance, then status; the relation; the chronic-disease bar; the insured;
6. the account's minimum balance; its split by yearly limit, balances and order; who bears the excess.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from huibao.core.money import yuan
from huibao.core.refusal import Refusal
from huibao.scheme import words
from huibao.scheme.asked import Enrolment, Person, Product, Purchase
from huibao.scheme.model import Account, Amount, Cite, Insured, Join, Payer, ReviewClock, Scheme, in_force
from huibao.scheme.sentences import Allowed, allow, refuse
from huibao.scheme.words import named


@dataclass(frozen=True, slots=True)
class Part:
    """What one account (`personal`, `savings`) pays."""

    account: str
    fen: int


@dataclass(frozen=True, slots=True)
class Review:
    """Who reviews before account money moves (`none`, `agency`); `clause` None where the document is silent."""

    by: str
    clause: str | None
    clock: ReviewClock | None


@dataclass(frozen=True, slots=True)
class Granted:
    """A purchase that may go on. The parts and the cash add up to the premium; parts of zero are left out."""

    parts: tuple[Part, ...]
    cash_fen: int
    review: Review
    clauses: tuple[str, ...]
    zh: str
    en: str

    @property
    def account_fen(self) -> int:
        return sum(part.fen for part in self.parts)


def decide_purchase(scheme: Scheme, on: date, request: Purchase) -> Granted | Refusal:
    """Whether this purchase may be made on `on`, and how it is split; the order of checks is the module's."""
    refused = not_yet(scheme, on) or _product(scheme, on, request.product, request.pay_with)
    if refused:
        return refused
    if request.pay_with == "cash":
        joined = may_join(scheme, on, request.insured)
        return joined if isinstance(joined, Refusal) else _granted(scheme, on, request, (), [joined.clause])
    opened = account_opened(scheme, on, request.product)
    if isinstance(opened, Refusal):
        return opened
    people = _people(scheme, on, request)
    if isinstance(people, Refusal):
        return people
    parts = _split(scheme, opened, request)
    if isinstance(parts, Refusal):
        return parts
    return _granted(scheme, on, request, parts, [*people, *_account_clauses(opened)])


def not_yet(scheme: Scheme, on: date) -> Refusal | None:
    """A refusal before the day the document was issued."""
    issued = scheme.document.issued
    if on >= issued:
        return None
    return refuse(scheme, None, "scheme.not_yet", f"{on} 尚无本地办法可依，请在 {issued} 以后办理",
                  f"on {on} no document of this area decides yet: come back from {issued}", issued=issued.isoformat())


def product_refusal(scheme: Scheme, on: date, product: Product) -> Refusal | None:
    """Why a product of this kind and with these features cannot be listed here; its listing itself is not asked."""
    kinds = in_force(scheme.kinds, on)
    kind = words.KINDS.get(product.kind, product.kind)
    if kinds is None or product.kind not in kinds.sell:
        sold = named(words.KINDS, kinds.sell) if kinds else "无"
        return refuse(scheme, kinds.basis.cite if kinds else None, "product.kind_not_sold",
                      f"{kind}不在可销售的险种之内，请选择：{sold}",
                      f"{product.kind} is not sold here; choose among: {', '.join(kinds.sell) if kinds else 'none'}",
                      kind=product.kind)
    features = in_force(scheme.refused_features, on)
    for feature in features.features if features else ():
        if features and feature in product.features:
            label = words.FEATURES[feature]
            return refuse(scheme, features.basis.cite, "product.feature_refused",
                          f"产品含有{label}，不得列入目录，请选择不含该内容的产品",
                          f"the product has the feature {feature} and cannot be listed; choose one without it",
                          feature=feature)
    return None


def _product(scheme: Scheme, on: date, product: Product, pay_with: str) -> Refusal | None:
    """As `product_refusal`, and the listing: under its clause for account money, the platform's own rule for cash."""
    refused = product_refusal(scheme, on, product)
    if refused or product.listed:
        return refused
    listing = in_force(scheme.listing, on)
    by_zh = named(words.ROUTES, listing.by) if listing else "主管部门"
    by_en = " or ".join(listing.by) if listing else "the authority"
    cite = listing.basis.cite if listing and pay_with == "account" else None
    return refuse(scheme, cite, "product.not_listed", f"该产品未经{by_zh}确认，请选择在售目录内的产品",
                  f"the product is not confirmed by {by_en}; choose one that is on sale")


def may_join(scheme: Scheme, on: date, insured: Person) -> Allowed | Refusal:
    """Whether a person may be insured whatever the money: everyone, or those enrolled here."""
    rule = in_force(scheme.join, on)
    if rule is None:
        return refuse(scheme, None, "join.not_provided", "本平台不受理全额自费投保，可直接向保险公司投保",
                      "a purchase in cash alone is not taken here; ask the insurer directly")
    refused = None if rule.everyone else _enrolled(scheme, rule, rule.basis.cite, insured, "join", "被保险人")
    return refused or allow(scheme, rule.basis.cite, "可以参加", "may join")


def account_opened(scheme: Scheme, on: date, product: Product) -> Account | Refusal:
    """The account rule in force where the account may pay for this product in this year."""
    barred = in_force(scheme.cash_only, on)
    if barred and product.kind in barred.kinds:
        return refuse(scheme, barred.basis.cite, "product.cash_only",
                      f"{words.KINDS[product.kind]}不得使用个人账户支付，可改为自费",
                      f"an account may not pay for {product.kind}; pay in cash", kind=product.kind)
    account = in_force(scheme.account, on)
    if account is None:
        return refuse(scheme, None, "account.not_provided", "个人账户购买未开放，可改为自费",
                      "purchase from the account is not open here; pay in cash")
    if not account.open:
        return refuse(scheme, account.basis.cite, "account.closed", "个人账户购买已停止，可改为自费",
                      "purchase from the account is closed; pay in cash")
    if not product.account_open:
        return refuse(scheme, None, "product.account_not_open", "该产品本年度未开通个人账户支付，可改为自费",
                      "this product does not take account money this year; pay in cash")
    return account


def relation_allowed(scheme: Scheme, on: date, relation: str, account_family: bool = False) -> Allowed | Refusal:
    """Whether account money may be spent for this relation; `account_family` as in `Purchase`."""
    rule = in_force(scheme.relations, on)
    if rule is None:
        return refuse(scheme, None, "relation.not_provided", "未规定可为何人购买，可改为自费",
                      "it is not said for whom the account may pay; pay in cash")
    if relation in rule.allow or (account_family and "account-family" in rule.allow):
        return allow(scheme, rule.basis.cite, "关系符合", "the relation is among those allowed")
    asked = words.RELATIONS.get(relation, "其他关系")
    hint_zh, hint_en = "", ""
    if "account-family" in rule.allow:
        hint_zh, hint_en = "；家庭成员请先办理个人账户家庭成员登记", "; register a family member to the account first"
    return refuse(scheme, rule.basis.cite, "relation.not_allowed",
                  f"个人账户不能为{asked}购买，仅限：{named(words.RELATIONS, rule.allow)}{hint_zh}",
                  f"the account may not pay for {relation}, only for: {', '.join(rule.allow)}{hint_en}",
                  relation=relation)


def review_route(scheme: Scheme, on: date, account_fen: int) -> Review:
    """Who reviews this order: nobody where no account money moves, the agency where the document is silent."""
    if account_fen == 0:
        return Review("none", None, None)
    rule = in_force(scheme.review, on)
    by, clause = (rule.by, rule.basis.cite.id) if rule else ("agency", None)
    return Review(by, clause, in_force(scheme.review_clock, on) if by == "agency" else None)


def limit_year(scheme: Scheme, on: date) -> tuple[date, date] | None:
    """First and last day of the year in which account payments count against the limit; None without a limit."""
    account = in_force(scheme.account, on)
    if account is None or account.yearly_limit is None:
        return None
    return date(on.year, 1, 1), date(on.year, 12, 31)


def policy_loan(scheme: Scheme, on: date, account_fen: int) -> Allowed | Refusal:
    """Whether a policy, of whose premium `account_fen` came from an account, may be pledged or borrowed on."""
    rule = in_force(scheme.refused_features, on)
    if account_fen > 0 and rule and "loan" in rule.features:
        return refuse(scheme, rule.basis.cite, "policy.loan_refused",
                      "使用个人账户购买的保单不得办理保单贷款；需要资金的，可按条款申请退保",
                      "a policy bought with account money cannot be borrowed on; it may be surrendered by its terms",
                      account_fen=account_fen)
    return allow(scheme, None, "本地办法不限制，按保险条款办理", "not restricted here: the policy's terms decide")


def _people(scheme: Scheme, on: date, request: Purchase) -> list[str | None] | Refusal:
    """The clauses under which payer, relation and insured meet the rules for account money, or the first refusal."""
    payer = in_force(scheme.payer, on)
    if payer is None:
        return refuse(scheme, None, "payer.not_provided", "未规定可使用何人的个人账户，可改为自费",
                      "it is not said whose account may pay; pay in cash")
    own = request.relation == "self"
    status_cite = payer.status_for_self if own else payer.status_for_relative
    refused = _enrolled(scheme, payer, status_cite, request.payer, "payer", "付款人")
    if refused:
        return refused
    related = relation_allowed(scheme, on, request.relation, request.account_family)
    if isinstance(related, Refusal):
        return related
    chronic = in_force(scheme.chronic_benefit, on)
    if chronic and chronic.bars_relatives and not own and request.payer.chronic_benefit:
        return refuse(scheme, chronic.basis.cite, "payer.chronic_benefit",
                      "已办理门诊慢性病待遇的参保人员不能用个人账户为亲属购买，可为本人购买或改为自费",
                      "a member with the outpatient chronic-disease benefit may not pay for relatives from the account;"
                      " buy for yourself, or pay in cash")
    insured = in_force(scheme.insured, on)
    if insured is None:
        joined = may_join(scheme, on, request.insured)
        if isinstance(joined, Refusal):
            return joined
        return [payer.basis.cite.id, status_cite.id, related.clause, joined.clause]
    refused = _enrolled(scheme, insured, insured.basis.cite, request.insured, "insured", "被保险人")
    if refused:
        return refused
    return [payer.basis.cite.id, status_cite.id, related.clause, None if own else insured.basis.cite.id]


def _enrolled(
    scheme: Scheme, rule: Payer | Insured | Join, status_cite: Cite, person: Person, code: str, who: str
) -> Refusal | None:
    """A refusal unless one enrolment here is of the rule's insurance and status; both must hold of the same one."""
    here = [e for e in person.enrolments if e.insurance in rule.insurance and _reaches(scheme, e)]
    if not here:
        insurance = named(words.INSURANCE, rule.insurance)
        return refuse(scheme, rule.basis.cite, f"{code}.not_enrolled",
                      f"{who}未参加{scheme.name}的{insurance}，请先办理参保登记",
                      f"the {_ROLES[code]} is not enrolled here in insurance {', '.join(rule.insurance)}; enrol first")
    if any(enrolment.status in rule.status for enrolment in here):
        return None
    return refuse(scheme, status_cite, f"{code}.status_not_normal",
                  f"{who}的参保状态为{named(words.STATUS, (e.status for e in here))}，请先恢复{named(words.STATUS, rule.status)}",
                  f"the {_ROLES[code]}'s enrolment has status {', '.join(e.status for e in here)};"
                  f" restore status {', '.join(rule.status)} first")


_ROLES = {"payer": "payer", "insured": "insured", "join": "insured"}


def _reaches(scheme: Scheme, enrolment: Enrolment) -> bool:
    return enrolment.area.startswith(scheme.admdvs)


def _split(scheme: Scheme, account: Account, request: Purchase) -> tuple[Part, ...] | Refusal:
    """What each account pays, in the scheme's order, up to balances and yearly limit."""
    balances, taken = dict(request.balances_fen), dict(request.taken_fen)
    before = sum(balances.get(name, 0) for name in account.order)
    minimum = account.minimum_balance
    if minimum and before < minimum.fen:
        return _below_minimum(scheme, minimum, before)
    held = before - sum(taken.get(name, 0) for name in account.order)
    limit = account.yearly_limit
    room = max(0, limit.fen - request.paid_this_year_fen) if limit else request.premium_fen
    left, parts = min(room, request.premium_fen), []
    for name in account.order:
        fen = min(left, balances.get(name, 0) - taken.get(name, 0))
        left -= fen
        if fen:
            parts.append(Part(name, fen))
    short = request.premium_fen - sum(part.fen for part in parts)
    if short and account.excess == "refuse":
        return _excess(scheme, account, request, held, room, short)
    return tuple(parts)


def usable_fen(scheme: Scheme, on: date, balances: Mapping[str, int], paid_this_year_fen: int) -> int:
    """What a person's accounts could pay today, net of holds, whatever for: nothing where the account is closed or below the minimum."""
    account = in_force(scheme.account, on)
    if account is None or not account.open:
        return 0
    held, minimum, limit = sum(balances.get(name, 0) for name in account.order), account.minimum_balance, account.yearly_limit
    if minimum and held < minimum.fen:
        return 0
    return min(held, max(0, limit.fen - paid_this_year_fen)) if limit else held


def _below_minimum(scheme: Scheme, minimum: Amount, held: int) -> Refusal:
    return refuse(scheme, minimum.cite, "account.balance_below_minimum",
                  f"个人账户余额 {yuan(held)} 元，低于购买须有的 {yuan(minimum.fen)} 元，还差 {yuan(minimum.fen - held)} 元，"
                  "可待余额达到后再买",
                  f"the account holds {yuan(held)} yuan of the {yuan(minimum.fen)} needed at purchase,"
                  f" {yuan(minimum.fen - held)} short; buy once it holds enough",
                  balance_fen=held, minimum_fen=minimum.fen, short_fen=minimum.fen - held)


def _excess(scheme: Scheme, account: Account, request: Purchase, held: int, room: int, short: int) -> Refusal:
    """Limit or balance, whichever is the tighter, where the scheme does not let cash pay the rest."""
    figures = {"premium_fen": request.premium_fen, "balance_fen": held, "short_fen": short}
    if account.yearly_limit and room <= held:
        limit = account.yearly_limit
        return refuse(scheme, limit.cite, "account.over_yearly_limit",
                      f"年度限额 {yuan(limit.fen)} 元，本年还可支付 {yuan(room)} 元，不足保费 {yuan(request.premium_fen)} 元，"
                      "可改为全额自费或下一年度再买",
                      f"of the yearly limit of {yuan(limit.fen)} yuan {yuan(room)} are left for a premium of"
                      f" {yuan(request.premium_fen)}; pay all in cash, or buy next year",
                      limit_fen=limit.fen, left_fen=room, **figures)
    return refuse(scheme, account.excess_cite, "account.insufficient",
                  f"账户可用 {yuan(held)} 元，不足保费 {yuan(request.premium_fen)} 元，还差 {yuan(short)} 元，可改为全额自费",
                  f"the account holds {yuan(held)} yuan for a premium of {yuan(request.premium_fen)},"
                  f" {yuan(short)} short; pay all in cash", **figures)


def _account_clauses(account: Account) -> list[str | None]:
    amounts = (account.minimum_balance, account.yearly_limit)
    cites = [account.basis.cite, *(a.cite for a in amounts if a), account.order_cite, account.excess_cite]
    return [cite.id for cite in cites if cite]


def _granted(
    scheme: Scheme, on: date, request: Purchase, parts: tuple[Part, ...], clauses: list[str | None]
) -> Granted:
    account_fen = sum(part.fen for part in parts)
    cash_fen = request.premium_fen - account_fen
    review = review_route(scheme, on, account_fen)
    paid_zh = "，".join([f"{words.ACCOUNTS[p.account]}支付 {yuan(p.fen)} 元" for p in parts]
                       + ([f"自费 {yuan(cash_fen)} 元"] if cash_fen or not parts else []))
    paid_en = ", ".join([f"{yuan(p.fen)} yuan from the {p.account} account" for p in parts]
                        + ([f"{yuan(cash_fen)} yuan in cash"] if cash_fen or not parts else []))
    zh = f"可以购买，保费 {yuan(request.premium_fen)} 元：{paid_zh}"
    en = f"may be bought, premium {yuan(request.premium_fen)} yuan: {paid_en}"
    if review.by == "agency":
        zh, en = f"{zh}；须经医保经办机构审核，待审核，尚未承保", f"{en}; awaiting the agency's review, not yet insured"
    if scheme.document.status != "in-force":
        label = words.DOCUMENT_STATUS[scheme.document.status]
        zh, en = f"{zh}（{label}，仅作示例）", f"{en} (under a document that is {scheme.document.status}: an example)"
    known = [clause for clause in [*clauses, review.clause] if clause]
    return Granted(parts, cash_fen, review, tuple(dict.fromkeys(known)), zh, en)
