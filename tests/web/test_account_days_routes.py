"""What the agency's clerks read of accounts that its own system keeps: what is not answered, and how the days compare."""

from typing import Final

import pytest

from tests.web.running import AREA, BUYER, HERE, Desk

PATHS: Final = ("account-postings", "account-days")
EMPTY: Final[dict[str, object]] = {"account-postings": {"postings": []}, "account-days": {"days": [], "differences": []}}


@pytest.mark.clause("SY-3.6")
@pytest.mark.parametrize("path", PATHS)
def test_clerks_and_auditors_read_it_and_nobody_else(desk: Desk, path: str) -> None:
    tokens = {"agency": desk.token("agency"), "auditor": desk.token("auditor"), "of an area": desk.token("agency", area=AREA),
              "member": desk.token("member", person_id=BUYER), "bureau": desk.token("bureau")}
    said = {who: desk.send("GET", f"/v1/{HERE}/{path}", token) for who, token in tokens.items()}
    assert {who: answer.status_code for who, answer in said.items()} == {
        "agency": 200, "auditor": 200, "of an area": 200 if path == "account-postings" else 403, "member": 403, "bureau": 403}
    assert said["agency"].json() == EMPTY[path]
    assert path == "account-days" or said["of an area"].json() == EMPTY[path]


def test_where_accounts_are_kept_here_a_member_reads_what_is_on_them(desk: Desk) -> None:
    answer = desk.send("GET", f"/v1/{HERE}/me/accounts", desk.token("member", person_id=BUYER)).json()
    assert (answer["kept_by"], bool(answer["accounts"])) == ("here", True)
