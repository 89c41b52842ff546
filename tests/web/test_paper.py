"""Statements as people open them: on a phone, and on sheets of A4 that are signed; what they sum is what the JSON says."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import pytest
from playwright.sync_api import Page

from huibao.core.capital import capital
from huibao.core.money import yuan
from huibao.remittance import own
from tests.demo.browsing import PAPER, PHONE, browser, needs_browser, stands_well
from tests.web import test_rosters as rosters
from tests.web.running import HERE, NOW, PRODUCT
from tests.web.test_remitting import NEW, clerk, done, second
from tests.web.wards import Ward, number, ward_of

pytestmark = needs_browser

#: More lines than a sheet has.
PEOPLE: Final = 60
SINCE: Final = "since=2026-01-01"
#: Of a roster's people, and of those who had bought for themselves.
ENROLLED, REPLACED = 31, 3


@pytest.fixture(scope="module")
def ward(pg_url: str) -> Iterator[Ward]:
    """A batch of sixty lines that was paid, and one that waits."""
    with ward_of(pg_url, "huibao_paper") as made:
        for _ in range(PEOPLE):
            made.someone()
        made.at(NOW)
        account = done(made.post("/insurers/anxin/receiving-accounts", clerk(made), NEW))["account"]
        done(made.post(f"/receiving-accounts/{account}/call-backs", second(made), {"number": NEW["phone"], "answer": "confirmed"}))
        done(made.post(f"/receiving-accounts/{account}/decisions", second(made), {"approve": True}))
        made.at(NOW + timedelta(days=10))
        batch = done(made.post("/remittances", clerk(made), {"product": PRODUCT}))
        made.does(own.sent(batch["remittance"]))
        made.does(own.paid(batch["remittance"], batch["fen"], batch["fen"]))
        made.someone()
        done(made.post("/remittances", clerk(made), {"product": PRODUCT}))
        yield made


def html(ward: Ward, path: str) -> str:
    answer = ward.send("GET", f"/v1/{HERE}{path}", clerk(ward), headers={"Accept": "text/html"})
    assert answer.headers["content-type"] == "text/html; charset=utf-8", answer.text
    return answer.text


def look(page: Page, text: str) -> None:
    """The page as it is opened, whole within its width."""
    page.set_content(text)
    stands_well(page)


def printed(text: str) -> tuple[int, list[str]]:
    """How many sheets of A4 a page takes, and what of it does not fit their width."""
    with browser(PAPER) as page:
        page.emulate_media(media="print")
        look(page, text)
        cut = page.evaluate("[...document.querySelectorAll('body *')].filter(e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth"
                            " || e.getBoundingClientRect().right > innerWidth + 1).map(e => e.tagName + ' ' + e.textContent.slice(0, 40))")
        sheets = page.pdf(format="A4", prefer_css_page_size=True)
    return sheets.count(b"/Type /Page\n"), cut


@pytest.fixture(scope="module")
def paths(ward: Ward) -> dict[str, str]:
    first = ward.get("/remittances", clerk(ward))["remittances"][-1]["remittance"]
    return {"batch": f"/remittances/{first}/statement", "days": f"/remittance-days?{SINCE}", "roster": f"/rosters/{roster_of(ward)}/statement"}


def roster_of(ward: Ward) -> int:
    """A file that was run: two unknown lines as they came, and lines that became policies, some in the place of others."""
    sponsor = done(ward.post("/sponsors", clerk(ward), {"name": "某慈善基金会（示例）", "kind": "charity", "credit_limit_fen": 0}))["sponsor"]
    sent = done(rosters.send(ward, f"{rosters.HEAD}张三,{number()},\n李四,,\n".encode(), "a-roster-1", f"{sponsor}"))["roster"]
    with ward.owner() as connection:
        connection.execute("""
            WITH own AS (SELECT order_id, premium_fen, row_number() OVER (ORDER BY order_id) AS n FROM policy WHERE position = 1)
            INSERT INTO roster_line (roster_id, line, person_id, order_id, premium_fen, replaces_order, replaces_position)
            SELECT %(roster)s, 10 + n, 2000 + n, order_id, premium_fen - 5000,
                   CASE WHEN n <= %(replaced)s THEN order_id END, CASE WHEN n <= %(replaced)s THEN 1 END
            FROM own WHERE n <= %(enrolled)s""", {"roster": sent, "replaced": REPLACED, "enrolled": ENROLLED})
        connection.execute("UPDATE roster SET lines = lines + %s, state = 'done', confirmed_by = 1, confirmed_at = at, ended_at = at"
                           " WHERE id = %s", [ENROLLED, sent])
    return int(sent)


@pytest.mark.parametrize("which", ["batch", "days", "roster"])
def test_a_statement_fits_a_phone(ward: Ward, paths: dict[str, str], which: str) -> None:
    text = html(ward, paths[which])
    with browser(PHONE) as page:
        look(page, text)


def test_a_wide_table_is_read_on_a_phone(ward: Ward, paths: dict[str, str]) -> None:
    """Names keep their width, numbers their line; the edge behind which a table goes on has a shadow, which its end covers."""
    text = html(ward, paths["days"])
    with browser(PHONE) as page:
        look(page, text)
        em = page.evaluate("parseFloat(getComputedStyle(document.querySelector('td.names')).fontSize)")
        assert min(page.evaluate("[...document.querySelectorAll('.names')].map(e => e.getBoundingClientRect().width)")) >= 9 * em
        assert page.evaluate("[...document.querySelectorAll('.wide')].map(e => [e.scrollWidth > e.clientWidth, getComputedStyle(e)"
                             ".backgroundAttachment])") == [[True, "local, local, scroll, scroll"]] * 3


@pytest.mark.parametrize(("which", "least"), [("batch", 2), ("days", 1), ("roster", 1)])
def test_a_statement_fits_its_sheets(ward: Ward, paths: dict[str, str], which: str, least: int) -> None:
    sheets, cut = printed(html(ward, paths[which]))
    assert (sheets >= least, cut) == (True, [])


@pytest.mark.clause("LZ-14")
def test_what_is_signed_is_what_the_json_says(ward: Ward, paths: dict[str, str]) -> None:
    batch = ward.get(paths["batch"], clerk(ward))
    days = ward.get(paths["days"], clerk(ward))
    paid = sum(one["paid_fen"] for one in days["batches"])
    one, all_ = html(ward, paths["batch"]), html(ward, paths["days"])
    with browser(PHONE) as page:
        look(page, one)
        assert page.locator(".capital b").inner_text() == batch["capital"] == capital(batch["batch"]["paid_fen"])
        assert page.locator(".lines tbody tr").count() == batch["batch"]["count"] == PEOPLE
        assert page.locator(".sum td").all_inner_texts()[1:4] == ["1", f"{PEOPLE}", yuan(batch["batch"]["fen"])]
        assert batch["sm3"] in page.inner_text(".foot")
        look(page, all_)
        assert page.locator(".capital b").inner_text() == capital(paid)
        assert page.locator(".sum td").all_inner_texts()[1:] == [
            "2", f"{PEOPLE + 1}", yuan(sum(one["fen"] for one in days["batches"])), yuan(paid), yuan(0)]


@pytest.mark.clause("XJ-3.3")
def test_what_a_sponsor_signs_is_what_the_json_says(ward: Ward, paths: dict[str, str]) -> None:
    told, sheet = ward.get(paths["roster"], clerk(ward)), html(ward, paths["roster"])
    assert (told["lines"], told["enrolled"], told["rejected"], told["still_open"]) == (ENROLLED + 2, ENROLLED, 2, 0)
    assert (told["premium_fen"], told["replaced"], told["returned_fen"]) == (ENROLLED * 11_800, REPLACED, REPLACED * 16_800)
    with browser(PHONE) as page:
        look(page, sheet)
        assert page.locator(".capital b").inner_text() == told["capital"] == capital(told["premium_fen"])
        assert page.locator(".capital .figures").inner_text() == f"¥ {yuan(told['premium_fen'])}"
        assert page.locator(".sum td").all_inner_texts() == [
            "合计 total", f"{told['enrolled']}", yuan(told["premium_fen"]), "合计 total", f"{told['rejected']}"]
        rows = [[" ".join(cell.split()) for cell in row.split("\t")] for row in page.locator(".tight tbody tr").all_inner_texts()]
        assert rows[0] == [f"{told[what]}" for what in ("lines", "enrolled", "rejected", "still_open")]
        assert [f"{told['replaced']}", yuan(told["returned_fen"])] in [row[1:] for row in rows]
        for reason in told["reasons"]:
            assert [f"{reason['zh']} {reason['en']}", f"{reason['count']}"] in rows
        signed = page.locator(".sign div").all_inner_texts()
        assert [next(sign for sign in signed if who in sign) for who in (told["sponsor"], "经办机构", told["insurer_name"])]
        assert told["digest"] in page.inner_text(".foot")
