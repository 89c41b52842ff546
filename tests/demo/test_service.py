"""The demonstration as its readers use it: started, every printed line pasted, paid, verified, interrupted, started again."""

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from huibao.app.secrets import Secrets
from huibao.app.settings import Settings
from huibao.core.clock import FileClock, SimulatedClock
from huibao.demo import service
from huibao.demo.programmes import builtin
from huibao.gateways.insurers import Envelope, InsurerSystem, Message
from huibao.gateways.signing import Denied
from huibao.policies.numbers import read_number
from tests.demo.running import DAY, PATIENCE_S, Demo, bearer, commands, demo_of_its_own, paste, told

PEOPLE: Final = 500

#: What each printed line ends with beside the `ends` of its file: the clause of a refusal with figures of it, or the clauses
#: that a grant rests on with what account and cash pay, in yuan.
TRIES: Final = [
    # key             ends                             clause                 figures, or account and cash
    ("try-210100-1", "account.not_provided",          None,                  {}),
    ("try-210100-2", "awaiting-payment",              {"SY-2.1"},            (0, 99)),
    ("try-220000-1", "account.not_provided",          None,                  {}),
    ("try-220000-2", "awaiting-payment",              set(),                 (0, 158)),
    ("try-450200-1", "awaiting-review",               {"LZ-5", "LZ-7"},      (188, 0)),
    ("try-450200-2", "relation.not_allowed",          "LZ-5",                {}),
    ("try-450200-3", "payer.chronic_benefit",         "LZ-7",                {}),
    ("try-450200-4", "awaiting-review",               {"LZ-24"},             (138, 0)),
    ("try-540000-1", "completed",                     {"XZ-2", "XZ-3"},      (268, 0)),
    ("try-540000-2", "relation.not_allowed",          "XZ-3",                {}),
    ("try-540000-3", "account.balance_below_minimum", "XZ-2",                {}),
    ("try-652900-1", "awaiting-review",               {"XJ-3.3"},            (60, 0)),
    ("try-652900-2", "awaiting-payment",              set(),                 (20, 100)),
]


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    with demo_of_its_own(PEOPLE) as made:
        yield made


def send(demo: Demo, method: str, path: str, token: str) -> dict[str, Any]:
    answer = httpx.request(method, demo.url + path, headers={"Authorization": f"Bearer {token}"}, trust_env=False)
    assert answer.is_success, answer.text
    found: dict[str, Any] = answer.json()
    return found


def until(said: Callable[[], bool]) -> None:
    """Waits for what the service does by itself."""
    late = time.monotonic() + PATIENCE_S
    while not said():
        assert time.monotonic() < late, "it does not come"
        time.sleep(0.05)


# ── what is printed ──────────────────────────────────────────────────────────────────────────────────────────────────

def test_every_purchase_of_the_files_is_printed(demo: Demo) -> None:
    wanted = {f"try-{programme.code}-{n}": one for programme in builtin() for n, one in enumerate(programme.tries, 1)}
    printed = commands(demo.said)
    assert list(printed) == sorted(wanted) == [key for key, *_ in TRIES]
    assert {key: one.ends for key, one in wanted.items()} == {key: ends for key, ends, *_ in TRIES}
    lines = demo.said.splitlines()
    assert [lines[lines.index(printed[key]) - 1] for key in printed] == [f"# {wanted[key].story}" for key in printed]


def test_people_and_products_are_announced(demo: Demo) -> None:
    for programme in builtin():
        assert f"── {programme.name} {programme.code}，{PEOPLE // 5} 人。在售：{programme.scheme}-example-2026" in demo.said
    assert demo.said.count("administrator") == len(builtin())


@pytest.mark.clause("LZ-5", "LZ-7", "LZ-24", "XZ-2", "XZ-3")
@pytest.mark.parametrize(("key", "ends", "clause", "figures"), TRIES)
def test_a_printed_line_ends_as_its_file_says(demo: Demo, key: str, ends: str, clause: Any, figures: Any) -> None:
    command = commands(demo.said)[key]
    answer = told(command)
    assert answer.get("state", answer.get("code")) == ends, answer
    if "code" in answer:
        assert (answer["clause"], answer["figures"]) == (clause, answer["figures"] | figures)
        assert answer["zh"] != answer["en"] != ""
    else:
        assert (answer["account_fen"], answer["cash_fen"]) == tuple(100 * yuan for yuan in figures)
        assert clause <= set(answer["clauses"])
    assert paste(command) == paste(command)
    assert told(command) == answer


@pytest.mark.clause("LZ-19c")
def test_what_the_bureau_reads_of_account_money(demo: Demo) -> None:
    told(commands(demo.said)["try-540000-1"])
    [totals, file] = [line for line in demo.said.splitlines() if "/account-use" in line]
    assert told(totals)["ledger"]["agrees"] is True
    assert paste(file).decode().splitlines()[-1].startswith("合计,2026-06-01,")
    assert "/renewals" not in demo.said                     # in June no next year is on sale


@pytest.mark.clause("SY-3.7", "XJ-4.2")
def test_a_family_renews_as_printed() -> None:
    """In December: the reminder, the list with what changes, the confirmation; who says nothing is reminded again and charged nothing."""
    with demo_of_its_own(PEOPLE // 2, datetime.fromisoformat("2026-12-02T10:00:00+08:00")) as demo:
        reminder, listed, confirm = [line for line in demo.said.splitlines() if "/notices " in line or "/renewals" in line]
        until(lambda: len(told(reminder)["notices"]) == 1)
        [notice] = told(reminder)["notices"]
        for words in ("2 份保单将于 2026-12-31 到期", "不会自动扣费", "保费合计 476.00 元", "本年度 436.00 元"):
            assert words in notice["zh"], notice
        lines = told(listed)
        assert [(line["premium_fen"], line["state"]) for line in lines["renewals"]] == [(18_800, "open"), (28_800, "open")]
        assert lines["usable_fen"] == 150_000
        assert any("等待期 15 天" in change for change in lines["renewals"][0]["changes"])
        FileClock(demo.folder / "clock").advance(timedelta(days=22))
        until(lambda: len(told(reminder)["notices"]) == 2)
        assert told(listed)["usable_fen"] == 150_000
        again = demo.huibao("demo", "hints", "--port", str(demo.port))
        confirm = next(line for line in again.stdout.splitlines() if "/renewals/confirmations" in line)
        done = told(confirm)
        assert (done["state"], done["account_fen"], len(done["policies"])) == ("completed", 47_600, 2)
        assert told(confirm) == done
        assert {line["state"] for line in told(listed)["renewals"]} == {"confirmed"}
        verified = demo.huibao("verify")
        assert (verified.returncode, verified.stderr) == (0, ""), verified.stdout


@pytest.mark.clause("LZ-15a", "LZ-19")
def test_a_policy_is_given_back_before_it_begins(demo: Demo) -> None:
    bought = told(commands(demo.said)["try-540000-1"])
    quote, surrender = (line for line in demo.said.splitlines() if line.startswith("curl ") and "/surrender" in line)
    asked = told(quote)
    if asked.get("code") != "surrender.already":
        assert (asked["state"], asked["ground"], asked["fen"]) == ("quoted", "before-start", bought["premium_fen"])
    done = told(surrender)
    assert [(part["source"], part["fen"], part["state"]) for part in done["parts"]] == [("personal", bought["premium_fen"], "done")]
    assert (told(surrender), told(quote)["code"]) == (done, "surrender.already")


@pytest.mark.clause("XJ-3", "LZ-19")
def test_a_category_is_recognised_by_two_clerks(demo: Demo) -> None:
    ask, approve = (line for line in demo.said.splitlines() if "/endorsements" in line)
    asked = told(ask)
    assert (asked["kind"], asked["state"]) == ("correction", "proposed")
    done = told(approve)
    assert (done["endorsement"], done["state"], done["zh"]) == (asked["endorsement"], "done", "困难类别已更正，已有的赔付不受影响。")
    assert (told(ask), told(approve)) == (asked, done)


@pytest.mark.clause("LZ-14")
@pytest.mark.parametrize("programme", ["450200", "652900"])
def test_a_clerk_reviews_what_is_printed(demo: Demo, programme: str) -> None:
    queue, claim, beside, approve, reject, bulk = [line for line in demo.said.splitlines() if f"/v1/{programme}/reviews" in line]
    cases = {case["order"]: case for case in told(queue)["cases"]}
    assert len(cases) == 5
    assert {(case["obstacle"], case["own"], case["name"][1:]) for case in cases.values()} == {(None, False, "**")}
    taken, refused = told(claim), told(beside)
    assert (taken["state"], refused["code"], refused["figures"]["credential"]) == ("claimed", "review.claimed", taken["credential"])
    assert [told(command)["state"] for command in (approve, reject)] == ["completed", "void"]
    assert (told(bulk)["done"], told(bulk)["refused"]) == (3, 0)
    assert paste(bulk) == paste(bulk)
    assert not cases.keys() & {case["order"] for case in told(queue)["cases"]}


@pytest.mark.clause("XZ-2", "XZ-3")
def test_a_policy_for_a_parent_begins_at_the_next_midnight(demo: Demo) -> None:
    [policy] = told(commands(demo.said)["try-540000-1"])["policies"]
    assert (policy["state"], policy["relation"], policy["period_from"]) == ("in-force", "parent", "2026-06-02")


def test_a_key_pasted_with_another_body_is_refused(demo: Demo) -> None:
    command = commands(demo.said)["try-210100-2"]
    first = paste(command)
    assert told(command.replace('"signature": "demo"', '"signature": "other"'))["code"] == "key.other_body"
    assert paste(command) == first


# ── the systems around ───────────────────────────────────────────────────────────────────────────────────────────────

def test_an_order_is_paid_at_the_till_and_its_insurer_told(demo: Demo) -> None:
    command = commands(demo.said)["try-220000-2"]
    number, token = str(told(command)["order"]), bearer(command)
    path = f"/v1/220000/orders/{number}"
    if send(demo, "GET", path, token)["state"] == "awaiting-payment":
        opened = send(demo, "POST", f"{path}/payments", token)
        assert send(demo, "POST", f"{path}/payments", token) == opened
        assert "¥ 158.00" in httpx.get(opened["url"], trust_env=False).text
        assert httpx.post(opened["url"], trust_env=False).status_code == 200
    until(lambda: send(demo, "GET", path, token)["state"] == "completed")
    [policy] = send(demo, "GET", path, token)["policies"]
    assert (policy["state"], policy["period_from"]) == ("in-force", "2026-06-02")
    assert policy["number"] in [one["policy"] for one in send(demo, "GET", "/v1/220000/policies", token)["policies"]]
    _told_to_its_insurer(demo, "220000", "demo-ding", number)


def _told_to_its_insurer(demo: Demo, code: str, insurer: str, number: str) -> None:
    """An insurer's system says which numbers it has: it takes none of them with another message."""
    read = read_number(code, number)
    assert read is not None
    [(seq, at)] = demo.rows(code, "SELECT max(e.seq), max(e.at) FROM event e WHERE e.kind = 'payment' AND e.outcome = 'done'")
    until(lambda: demo.rows(code, "SELECT seq FROM outbox_cursor WHERE destination = %s AND seq >= %s", [f"insurer:{insurer}", seq]) != [])

    async def forged(which: int) -> int:
        async with httpx.AsyncClient(trust_env=False) as client:
            system = InsurerSystem(client, f"http://127.0.0.1:{demo.port + 1}/insurer-{insurer}", insurer, demo.secrets.channel_secret, SimulatedClock(DAY))
            answer = await system.post(Envelope(code, (Message(which, at, number, f"{_scheme(code)}-example-2026", ()),)))
        return answer.status if isinstance(answer, Denied) else 200

    assert asyncio.run(forged(seq)) == 409
    assert asyncio.run(forged(10**9)) == 200             # a number it has not seen: it was not asked in vain


def _scheme(code: str) -> str:
    return next(programme.scheme for programme in builtin() if programme.code == code)


def test_every_insurer_passed_its_test_before_anything_was_sold(demo: Demo) -> None:
    for programme in builtin():
        assert demo.rows(programme.code, "SELECT DISTINCT passed FROM connection_test") == [(True,)]


@pytest.mark.clause("XJ-3.3")
def test_a_charity_pays_for_a_small_file(demo: Demo, tmp_path: Path) -> None:
    told_ = demo.huibao("demo", "sponsor", "--port", str(demo.port), "--programme", "652900", "-o", str(tmp_path))
    assert (told_.returncode, told_.stderr) == (0, "")
    [(lines, accepted, rejected)] = re.findall(r"(\d+) 人，可承保 (\d+) 人 .* 元，不受理 (\d+) 人", told_.stdout)
    assert (int(lines), int(accepted) + int(rejected)) == (9, 9)
    assert f"办结：承保 {accepted} 人" in told_.stdout
    assert "上传人以外的另一人确认" in told_.stdout
    rejections, statement, page = (next(tmp_path.glob(f"roster-*-*{ending}")).read_text("utf-8-sig") for ending in (".rejected.csv", "[0-9].csv", ".html"))
    codes = [line.split(",")[1] for line in rejections.splitlines()[1:]]
    assert len(codes) == int(rejected)
    assert {"roster.duplicate", "roster.name_differs", "roster.identity_malformed"} <= set(codes)
    assert f"合计,{accepted}," in statement
    assert page.count("慈善资助参保结算单") == 2


def test_the_books_are_sound(demo: Demo) -> None:
    verified = demo.huibao("verify")
    assert (verified.returncode, verified.stderr) == (0, ""), verified.stdout
    assert verified.stdout.count("账实相符 sound") == len(builtin())


def test_the_printed_backup_is_taken(demo: Demo) -> None:
    [line] = [line for line in demo.said.splitlines() if "huibao backup " in line]
    done = demo.huibao("backup", line.rpartition(" ")[2])
    assert (done.returncode, done.stderr) == (0, "")
    assert len(list((demo.folder / "backups" / "base").iterdir())) == 1


# ── the end, and another beginning ───────────────────────────────────────────────────────────────────────────────────

def orders(demo: Demo) -> dict[str, list[tuple[Any, ...]]]:
    return {one.code: demo.rows(one.code, "SELECT id, at, state, premium_fen FROM orders ORDER BY id") for one in builtin()}


@pytest.mark.parametrize("everybody", [True, False])
def test_an_interrupt_ends_everything_and_the_next_start_keeps_the_data(demo: Demo, everybody: bool) -> None:
    command = commands(demo.said)["try-540000-1"]
    bought, before, tokens = paste(command), orders(demo), bearer(command)
    assert before["540000"] != []
    assert demo.interrupt(everybody=everybody) == 0
    assert demo.processes() == []
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{demo.url}/health", trust_env=False)

    demo.start(PEOPLE + 100)                               # however many are asked for: those that are there stay
    assert f"{PEOPLE // 5} 人" in demo.said
    again = commands(demo.said)["try-540000-1"]
    assert (orders(demo), bearer(again)) == (before, tokens)
    # The clock has not moved, so the printed line is the very same, and so is its answer.
    assert (again, paste(again)) == (command, bought)
    assert demo.huibao("verify").returncode == 0


@pytest.mark.clause("LZ-14")
def test_a_batch_is_shown_with_its_file_and_statement(demo: Demo) -> None:
    """What the last lines of the hints tell to run: somebody buys, the bank pays, the insurer confirms, the paper is there."""
    assert "huibao demo remit" in demo.said
    shown = demo.huibao("demo", "remit", "--port", str(demo.port), "--programme", "540000", "-o", str(demo.folder / "remitted"))
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert "银行：answered" in shown.stdout
    assert "已确认收款" in shown.stdout
    [file], [page] = (list((demo.folder / "remitted").glob(pattern)) for pattern in ("*.csv", "*.html"))
    assert file.read_text("utf-8").splitlines()[-1].startswith("total,")
    assert "个人账户资金划转对账单" in page.read_text("utf-8")


@pytest.mark.clause("XZ-6", "SY-3.6")
def test_a_city_whose_accounts_are_kept_elsewhere(demo: Demo) -> None:
    """It is founded while the demonstration runs; its insurer's system is tested once, and its orders end whatever goes unanswered."""
    for story in (1, 2):
        shown = demo.huibao("demo", "accounts", "--port", str(demo.port))
        assert (shown.returncode, shown.stderr) == (0, ""), shown.stdout
        assert demo.rows("990100", "SELECT passed, strpos(report, '签名过期') > 0 FROM connection_test") == [(True, True)]
        assert demo.rows("990100", "SELECT state, count(*) FROM orders GROUP BY 1") == [("completed", 3 * story)]
    assert demo.huibao("verify", "--programme", "990100").returncode == 0


@pytest.mark.parametrize("story", ["accounts", "ward", "sponsor", "remit"])
def test_a_story_where_nothing_runs_changes_nothing(demo: Demo, story: str) -> None:
    where = "SELECT array_agg(endpoint ORDER BY id) FROM public.insurer"
    before = demo.rows("540000", where)
    said = demo.huibao("demo", story, "--port", "1")
    assert (said.returncode, "run ./demo first" in said.stderr) == (1, True)
    assert demo.rows("540000", where) == before


def test_hints_of_another_port_are_only_printed(demo: Demo) -> None:
    where = "SELECT array_agg(endpoint ORDER BY id) FROM (SELECT id, endpoint FROM public.insurer UNION ALL SELECT id, endpoint FROM public.provider) o"
    before = demo.rows("540000", where)
    said = demo.huibao("demo", "hints", "--port", "1")
    assert (said.returncode, said.stderr) == (0, "")
    assert commands(said.stdout).keys() == commands(demo.said).keys()
    assert demo.rows("540000", where) == before


def test_hints_are_printed_again(demo: Demo) -> None:
    before = orders(demo)
    FileClock(demo.folder / "clock").advance(timedelta(minutes=16))
    again = demo.huibao("demo", "hints", "--port", str(demo.port))
    assert again.returncode == 0, again.stderr
    assert commands(again.stdout).keys() == commands(demo.said).keys()
    assert orders(demo) == before
    fresh = commands(again.stdout)["try-540000-3"].replace("try-540000-3", "fresh-check")
    stale = commands(demo.said)["try-540000-3"].replace("try-540000-3", "stale-check")
    assert (told(fresh)["code"], told(stale)["code"]) == ("account.balance_below_minimum", "identity.expired")


# ── which clock ──────────────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.parametrize(("machine", "given", "chosen"), [
    ("2026-12-30T15:59:59Z", False, None),
    ("2026-12-30T16:00:00Z", False, "2026-12-23T02:00:00Z"),
    ("2031-01-01T00:00:00Z", False, "2026-12-23T02:00:00Z"),
    ("2031-01-01T00:00:00Z", True,  None),
])
def test_after_the_last_day_of_sale_the_clock_stands_before_it(
    machine: str, given: bool, chosen: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = Secrets({1: bytes(16)}, 1, bytes(32), bytes(32), bytes(32))
    settings = Settings("", secrets, SimulatedClock(datetime.fromisoformat(machine)), 1, "")
    monkeypatch.setattr(service, "read", lambda: replace(settings))
    monkeypatch.setenv("HUIBAO_DATA", str(tmp_path / "pg"))
    monkeypatch.setenv("HUIBAO_CLOCK", "given")
    if not given:
        monkeypatch.delenv("HUIBAO_CLOCK")
    service._choose_clock()
    made = tmp_path / "demo-clock"
    assert (FileClock(made).now() if made.exists() else None) == (datetime.fromisoformat(chosen).astimezone(UTC) if chosen else None)
