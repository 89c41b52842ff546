"""What to try, as commands that can be pasted: each with the credential, the terms and a fresh check of identity in it."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rich.console import Console

from huibao.app.settings import Settings
from huibao.benefits import loading as plans
from huibao.db.connect import connect_owner
from huibao.db.settings import data_folder
from huibao.demo.founding import Founded
from huibao.demo.logins import Login
from huibao.demo.people import SQL
from huibao.demo.programmes import builtin
from huibao.enrolment.model import IdentityCheck
from huibao.policies.numbers import order_number
from huibao.scheme import loading as schemes
from huibao.web.tokens import sign_check

#: Identity checks printed with the commands are good for so long under every scheme of the demonstration.
MINUTES: Final = 15
#: So many applications under review are shown; fewer are no list.
_LISTED, _FEWEST = 5, 3


@dataclass(frozen=True, slots=True)
class Hint:
    """A purchase to try: who says what happens, and the command."""

    programme: str
    story: str
    command: str


def purchases(url: str, founded: Sequence[Founded], known: Sequence[Login], settings: Settings) -> Iterator[Hint]:
    """The purchases that the programmes' files tell of, in their order."""
    tokens = {(login.programme, login.person): login.token for login in known if login.person is not None}
    terms = _terms(founded, settings)
    at = settings.clock.now()
    for programme in builtin():
        for n, wish in enumerate(programme.tries, 1):
            if (programme.code, wish.product) not in terms:
                continue
            passed = IdentityCheck(wish.buyer, "sms", True, at, f"demo-{at:%Y%m%d%H%M%S}")
            body = {
                "product": wish.product, "pay_with": wish.pay_with,
                "insured": [{"member": wish.insured} | ({"tier": wish.tier} if wish.tier else {})],
                "consent": {"terms": terms[programme.code, wish.product], "accepted": ["terms", "exclusions", "notice"],
                            "signature": "demo", "guardian": True},
                "identity_check": sign_check(settings.secrets.token_secret, programme.code, passed),
            }
            command = (f"curl -s {url}/v1/{programme.code}/purchases -H 'Authorization: Bearer {tokens[programme.code, wish.buyer]}'"
                       f" -H 'Idempotency-Key: try-{programme.code}-{n}' -H 'Content-Type: application/json' -d '{json.dumps(body)}'")
            yield Hint(programme.code, wish.story, command)


def _terms(founded: Sequence[Founded], settings: Settings) -> dict[tuple[str, str], str]:
    """The digest of the terms of each product on sale, by programme and product."""
    found: dict[tuple[str, str], str] = {}
    with connect_owner(settings.database_url, "huibao demo") as connection:
        for one in founded:
            for product in one.on_sale:
                with connection.transaction():
                    connection.execute(SQL["enter"], {"schema": f"p_{one.code}"})
                    row = connection.execute(SQL["terms_digest"], {"product": product}).fetchone()
                    assert row is not None, "a product on sale has terms"
                    found[one.code, product] = row[0].hex()
    return found


def reports(url: str, known: Sequence[Login]) -> Iterator[Hint]:
    """What who oversees a programme reads, where account money was used."""
    for programme in builtin():
        if any(one.ends == "completed" and one.pay_with == "account" for one in programme.tries):
            [bureau] = [login for login in known if (login.programme, login.role) == (programme.code, "bureau")]
            path = f"{url}/v1/{programme.code}/account-use"
            ask = f"curl -s -H 'Authorization: Bearer {bureau.token}'"
            yield Hint(programme.code, "医保局查看个人账户资金使用：各产品合计，与账本核对", f"{ask} '{path}?by=product'")
            yield Hint(programme.code, "逐单列出，存成可用表格软件打开的文件，末行为控制合计", f"{ask} '{path}/orders?form=csv'")


def renewals(url: str, founded: Sequence[Founded], known: Sequence[Login], settings: Settings) -> Iterator[Hint]:
    """While a next year is on sale, what who has this one is told, reads, and confirms."""
    tokens = {(login.programme, login.person): login.token for login in known if login.person is not None}
    terms, at = _terms(founded, settings), settings.clock.now()
    for programme in builtin():
        coming = [product for code, product in terms if code == programme.code and plans.builtin(product).renews]
        for bought in programme.bought if coming else ():
            path, sign = f"{url}/v1/{programme.code}", f"-H 'Authorization: Bearer {tokens[programme.code, bought.buyer]}'"
            yield Hint(programme.code, "续保提醒：保单何时到期、下一年度多少钱，到期不自动扣费（启动后数秒内送达）",
                       f"curl -s {path}/notices {sign}")
            yield Hint(programme.code, "我的续保：两年的保费、条款的变化；usable_fen 是账户今天可用的金额", f"curl -s {path}/renewals {sign}")
            passed = IdentityCheck(bought.buyer, "sms", True, at, f"demo-{at:%Y%m%d%H%M%S}")
            consent = json.dumps({"terms": terms[programme.code, coming[0]], "accepted": ["terms", "exclusions", "notice"],
                                  "signature": "demo", "guardian": True})
            # Which policies, and for how much in all, is read off the list.
            listed = f"$(curl -s {path}/renewals {sign} | grep -o"
            policies = f"{listed} '\"policy\":\"[^\"]*\"' | cut -d: -f2 | paste -sd,)"
            premium = f"{listed} '\"premium_fen\":[0-9]*' | cut -d: -f2 | awk '{{fen += $1}} END {{print fen}}')"
            yield Hint(programme.code, "确认续保：条款、身份、保费重新确认，一家人一单；连续参保年数加一",
                       f"curl -s {path}/renewals/confirmations {sign} -H 'Idempotency-Key: renew-{programme.code}-1'"
                       f" -H 'Content-Type: application/json' -d '{{\"policies\": ['{policies}'], \"premium_fen\": '{premium}',"
                       f" \"pay_with\": \"{bought.pay_with}\", \"consent\": {consent},"
                       f" \"identity_check\": \"{sign_check(settings.secrets.token_secret, programme.code, passed)}\"}}'")


def endorsements(url: str, known: Sequence[Login], year: int) -> Iterator[Hint]:
    """A category recognised backwards, where a scheme favours some: asked for by one clerk, approved by another."""
    for programme in builtin():
        if not schemes.builtin(programme.scheme).hardship:
            continue
        here = [login for login in known if login.programme == programme.code]
        clerk, second = (login for login in here if login.role == "agency")
        person = next(login.person for login in here if login.person is not None)
        path = f"{url}/v1/{programme.code}/endorsements"
        body = json.dumps({"fact": "hardship", "value": "subsistence-allowance", "person": person, "since": f"{year}-01-01",
                           "reason": "民政部门追认", "evidence": "民政核定书 118"}, ensure_ascii=False)
        posts = f"-H 'Idempotency-Key: endorse-{programme.code}-%s' -H 'Content-Type: application/json' -d '%s'"
        asks = f"curl -s {path}/corrections -H 'Authorization: Bearer {clerk.token}' {posts % (1, body)}"
        yield Hint(programme.code, "保全：追认低保，由一位经办人员提出", asks)
        # The same request again answers the same: so the number is read off it.
        number = f"{asks} | grep -o '\"endorsement\":[0-9]*' | cut -d: -f2"
        yield Hint(programme.code, "由另一位复核，已有的赔付随即重算",
                   f"curl -s {path}/$({number})/answers -H 'Authorization: Bearer {second.token}' " + posts % (2, '{"approve": true}'))


def surrenders(url: str, known: Sequence[Login]) -> Iterator[Hint]:
    """What was bought last is looked at as if it were given back, and given back: each yuan goes the way it came."""
    tokens = {(login.programme, login.person): login.token for login in known if login.person is not None}
    for programme in builtin():
        bought = next((one for one in programme.tries if one.ends == "completed" and one.pay_with == "account"), None)
        if bought is None:
            continue
        path, sign = f"{url}/v1/{programme.code}/policies", f"-H 'Authorization: Bearer {tokens[programme.code, bought.buyer]}'"
        # The newest policy is read off the list; before its first day everything goes back.
        number = f"$(curl -s {path} {sign} | grep -o '\"policy\":\"[^\"]*' | head -1 | cut -d'\"' -f4)"
        premium = f"$(curl -s {path} {sign} | grep -o '\"premium_fen\":[0-9]*' | head -1 | cut -d: -f2)"
        yield Hint(programme.code, "退保试算（先买上面第一单）：退多少、怎么算、退到哪里", f"curl -s {path}/{number}/surrender-quote {sign}")
        yield Hint(programme.code, "退保：保障开始前全额退回原账户，年度限额恢复",
                   f"curl -s {path}/{number}/surrender {sign} -H 'Idempotency-Key: surrender-{programme.code}-1'"
                   f" -H 'Content-Type: application/json' -d '{{\"refund_fen\": '{premium}'}}'")


def reviews(url: str, founded: Sequence[Founded], known: Sequence[Login], settings: Settings) -> Iterator[Hint]:
    """What a clerk does about the queue of applications: reads it, approves one, rejects one, decides the rest in one go."""
    with connect_owner(settings.database_url, "huibao demo") as connection:
        for one in founded:
            with connection.transaction():
                connection.execute(SQL["enter"], {"schema": f"p_{one.code}"})
                waiting = [order_number(one.code, id) for (id,) in connection.execute(SQL["reviews_waiting"], {"most": _LISTED}).fetchall()]
            if len(waiting) < _FEWEST:
                continue
            clerk, colleague = (login for login in known if (login.programme, login.role) == (one.code, "agency"))
            base, bearer = f"{url}/v1/{one.code}/reviews", f"-H 'Authorization: Bearer {clerk.token}'"
            first, second, *rest = waiting

            def decide(path: str, body: dict[str, Any], base: str = base, bearer: str = bearer) -> str:
                key = f"review-{path}" if path != "bulk" else f"review-{body['orders'][0]}-bulk"
                return (f"curl -s {base}/{path} {bearer} -H 'Idempotency-Key: {key}' -H 'Content-Type: application/json'"
                        f" -d '{json.dumps(body)}'")

            take = f"-X POST {base}/{first}/claim"
            beside = f"-H 'Authorization: Bearer {colleague.token}' -H 'Idempotency-Key: claim-{first}-2'"
            yield Hint(one.code, f"{one.name}经办人员看待审核的申请：为何待审、申请时与现在的核对、期限", f"curl -s {bearer} '{base}?most=5'")
            yield Hint(one.code, "领取一笔：到期前只由领取人审核", f"curl -s {take} {bearer} -H 'Idempotency-Key: claim-{first}-1'")
            yield Hint(one.code, "同事也来领取这一笔：告知由谁领取、到几时（领取人审结后为已审结）", f"curl -s {take} {beside}")
            yield Hint(one.code, "审核通过一笔：冻结的保费划出，次日起保", decide(first, {"verdict": "approve"}))
            yield Hint(one.code, "不予通过一笔：冻结的保费释放，告知本人原因",
                       decide(second, {"verdict": "reject", "reason": "documents-differ", "note": "请补交材料"}))
            yield Hint(one.code, "批量通过其余的：每笔各有结果", decide("bulk", {"orders": rest, "verdict": "approve"}))


def show(console: Console, url: str, founded: Sequence[Founded], known: Sequence[Login], settings: Settings) -> None:
    """Addresses, programmes, credentials, commands."""
    say = _Plain(console)
    say(f"接口 {url}/v1/programmes · 文档 {url}/schema · 健康 {url}/health · 支付渠道、身份核验、保险公司系统（模拟）{settings.outside_url}")
    for one in founded:
        say("")
        say(f"── {one.name} {one.code}，{one.people} 人。在售：{'、'.join(one.on_sale) or '无'}")
        for readable in one.readable:
            say(f"   仅供查阅 {readable.product}：{readable.why}")
        for login in known:
            if login.programme == one.code and login.role != "member":
                say(f"   {login.role:13} {login.label:6} {login.token}")
        stories = {character.id: character.story for character in one.characters}
        for login in known:
            if login.programme == one.code and login.person is not None:
                say(f"   {login.person:>4} {login.label}  {login.token}  {stories[login.person]}")
    say("")
    say(f"── 可以试（身份核验 {MINUTES} 分钟内有效，过后用 huibao demo hints 重新打印；同一条命令再执行一次，得到同样的答复）")
    for hint in purchases(url, founded, known, settings):
        say(f"# {hint.story}")
        say(hint.command)
    for hint in (*reports(url, known), *renewals(url, founded, known, settings), *endorsements(url, known, settings.clock.now().year),
                 *surrenders(url, known), *reviews(url, founded, known, settings)):
        say(f"# {hint.story}")
        say(hint.command)
    say("")
    say("── 医院的一天（结算、确认、冲销、双窗口、对账）：.venv/bin/huibao demo ward     按列重算核对：.venv/bin/huibao verify --columns")
    say("── 账户资金划转（投保、列批、银行、保险公司确认，留下文件与对账单）：.venv/bin/huibao demo remit")
    say(f"── 备份（运行中即可，密钥文件另行保存）：.venv/bin/huibao backup {data_folder().parent / 'backups'}")
    say("── 资助参保（名册核对、另一人确认、办理，留下不受理清单与结算单）：.venv/bin/huibao demo sponsor")
    say("── 账户由经办机构系统记账的城市（冻结、断线、再查、扣款）：.venv/bin/huibao demo accounts")
    say("── 核对账本：.venv/bin/huibao verify     逐笔理赔说明：.venv/bin/huibao demo bills     停止：Ctrl+C，数据保留")


class _Plain:
    """Lines as they are: nothing wrapped, so that a command can be pasted."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __call__(self, line: str) -> None:
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)
