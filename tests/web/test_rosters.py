"""Rosters over HTTP: sent piece by piece, told the same again, their rejected lines and statements in every form."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from huibao.web import roster_pages
from tests.web import things
from tests.web.running import HERE, PRODUCT, Desk
from tests.web.wards import number

HEAD = "姓名,证件号码,人员类别\n"


def send(desk: Desk, content: Any, key: str, sponsor: str | None = None, media: str = "text/csv") -> httpx.Response:
    return desk.send("POST", f"/v1/{HERE}/sponsors/{sponsor or things.sponsor_of(desk)}/rosters/{PRODUCT}", desk.token("agency"), content=content,
                     headers={"Idempotency-Key": key, "Content-Type": media})


def read(desk: Desk, roster: int, what: str = "", accept: str = "application/json", **params: Any) -> httpx.Response:
    return desk.send("GET", f"/v1/{HERE}/rosters/{roster}{what}", desk.token("auditor"), headers={"Accept": accept}, params=params)


@pytest.fixture(scope="module")
def roster(desk: Desk) -> int:
    """A file of a person, of nobody known here, and of a line that is none."""
    lines = f"上官婉莹,990101198005061009,低保\n张三,{number()},\n=cmd(),,\n"
    sent = send(desk, (HEAD + lines).encode(), f"roster-{number()}")
    assert sent.status_code == 201, sent.text
    assert (sent.json()["state"], sent.json()["lines"]) == ("checking", 3)
    return int(sent.json()["roster"])


def test_a_file_that_comes_in_pieces_is_the_same_file(desk: Desk) -> None:
    content = f"{HEAD}李四,{number()},\n".encode()

    async def pieces() -> Any:
        for at in range(0, len(content), 5):
            yield content[at : at + 5]

    key = f"pieces-{number()}"
    first, again, other_key = send(desk, pieces(), key), send(desk, content, key), send(desk, content, f"other-{number()}")
    assert first.status_code == 201, first.text
    assert (again.json(), again.headers["idempotent-replayed"]) == (first.json(), "true")
    assert (other_key.status_code, other_key.json()["code"]) == (409, "roster.same_file")
    assert send(desk, HEAD.encode() + "王五,1,\n".encode(), key).json()["code"] == "key.other_body"


@pytest.mark.parametrize(("content", "media", "status", "code"), [
    (HEAD.encode(), "text/csv", 422, "roster.empty"),
    (b"\x00\x01\x02", "text/csv", 422, "roster.header_wrong"),
    (HEAD.encode(), "application/json", 415, "body.not_lines"),
])
def test_what_is_no_file_is_refused(desk: Desk, content: bytes, media: str, status: int, code: str) -> None:
    answer = send(desk, content, f"none-{number()}", media=media)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_nobody_pays_who_is_not_registered(desk: Desk) -> None:
    answer = send(desk, f"{HEAD}李四,{number()},\n".encode(), f"nobody-{number()}", sponsor="999999")
    assert (answer.status_code, answer.json()["code"]) == (404, "sponsor.not_registered")


def test_rejected_lines_as_pages_and_as_a_file(desk: Desk, roster: int) -> None:
    page = read(desk, roster, "/rejected").json()
    assert [(one["line"], one["code"]) for one in page["rejected"]][-1] == (4, "roster.number_missing")
    assert page["next"] is None
    assert read(desk, roster, "/rejected", after=3).json()["rejected"] == page["rejected"][-1:]
    file = read(desk, roster, "/rejected", "text/csv")
    assert file.headers["content-type"] == "text/csv; charset=utf-8"
    assert file.headers["content-disposition"] == f'attachment; filename="rejected-{roster}.csv"'
    lines = file.content.decode("utf-8-sig").splitlines()
    assert len(lines) == 1 + len(page["rejected"])
    assert "cmd" not in file.text, "nothing of a line is repeated"


def test_a_statement_in_every_form(desk: Desk, roster: int) -> None:
    told = read(desk, roster, "/statement").json()
    assert (told["title"], told["lines"], told["enrolled"], told["premium_fen"]) == ("慈善资助参保结算单", 3, 0, 0)
    assert told["enrolled"] + told["rejected"] + told["still_open"] == told["lines"]
    page, table = read(desk, roster, "/statement", "text/html"), read(desk, roster, "/statement", "text/csv")
    assert (page.headers["content-type"], table.headers["content-type"]) == ("text/html; charset=utf-8", "text/csv; charset=utf-8")
    assert told["digest"] in page.text
    assert f"文件摘要（SM3）,{told['digest']}" in table.text
    assert (told["capital"], told["replaced"], told["returned_fen"]) == ("零元整", 0, 0)
    assert "应付保费（元）,0.00\r\n替换自购保单数,0\r\n退还自购保费（元）,0.00\r\n" in table.text


def test_sponsors_are_listed_with_their_money(desk: Desk) -> None:
    sponsor = int(things.sponsor_of(desk))
    paid = desk.send("POST", f"/v1/{HERE}/sponsors/{sponsor}/payments", desk.token("agency"), json={"fen": 700, "reference": f"B{number()}"},
                     headers={"Idempotency-Key": f"paid-{number()}"})
    assert paid.status_code == 201
    listed = {one["sponsor"]: one for one in desk.send("GET", f"/v1/{HERE}/sponsors", desk.token("bureau")).json()["sponsors"]}
    assert listed[sponsor]["balance_fen"] == paid.json()["balance_fen"] >= 700


def test_a_formula_is_a_text_to_a_spreadsheet() -> None:
    def cells() -> Iterator[str]:
        yield from ("=1+1", "+1", "-1", "@a", "a=1")

    assert roster_pages.csv_lines([tuple(cells())]) == b"'=1+1,'+1,'-1,'@a,a=1\r\n"
