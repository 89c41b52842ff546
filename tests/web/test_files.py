"""Catching up by file: every line in one list with its number, in each person's order, and a file that was cut short goes on."""

from typing import Any, Final

import httpx
import pytest

from huibao.core.batcher import TurnedAway
from tests.web.running import OTHER_HOSPITAL
from tests.web.wards import NDJSON, Message, Ward, bill, info, number, reversal

PATH: Final = "/v1/990000/settlement-files"


def sorted_out(answer: httpx.Response) -> dict[str, Any]:
    """A file's answer, of which every line stands in exactly one list and the amounts reconcile."""
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    numbers = [line["line"] for line in told["taken"]] + [line["line"] for line in told["rejected"]] + told["unanswered"]
    assert sorted(numbers) == list(range(1, told["lines"] + 1))
    stands = {line["settlement"]: line["pay_fen"] if line["state"] in {"offered", "confirmed"} else 0 for line in told["taken"]}
    assert told["pay_fen"] == sum(stands.values())
    return told


def paid_out(ward: Ward, *messages: Message) -> int:
    """What stands for these settlements."""
    [(fen,)] = ward.rows("SELECT COALESCE(sum(pay_fen), 0)::bigint FROM settlement WHERE state IN ('offered', 'confirmed') AND setl_id = ANY(%s)",
                         [info(message)["setl_id"] for message in messages])
    return int(fen)


def test_a_file_of_thousands_of_lines_is_sorted_out(ward: Ward) -> None:
    """Bills that stand, a broken line, a duplicate, somebody unknown, a reversal: over and over, for twenty people."""
    people = [ward.someone() for _ in range(20)]
    lines: list[Message | bytes] = []
    standing, wanted = [], {"taken": 0, "body.malformed": 0, "settlement.person_unknown": 0, "settlement.taken_back": 0,
                            "message.payers_differ_from_total": 0}
    for n in range(500):
        person = people[n % 20]
        kept, undone = bill(person, 200), bill(person, 200)
        undoing = reversal(info(undone)["setl_id"], person)
        lines += [kept, b'{"transaction": "2304", "answer": {', undone, kept, bill("psn-none"), undoing, undone, bill(person, psn_cash_pay="1")]
        standing.append(kept)
        for code, of in zip(wanted, (4, 1, 1, 1, 1), strict=True):
            wanted[code] += of
    told = sorted_out(ward.file(lines, key="thousands-1"))
    assert told["lines"] == 4_000
    assert {"taken": len(told["taken"])} | {code: sum(line["code"] == code for line in told["rejected"]) for code in wanted if code != "taken"} == wanted
    # 200 yuan pay (200 − 100) × 90% each; a kept bill answers twice, an undone one once as offered and once as reversed.
    assert paid_out(ward, *standing) == 500 * 90_00
    by_line = {line["line"]: line for line in told["taken"]}
    assert [(by_line[n]["state"], by_line[n]["pay_fen"], by_line[n]["repeated"]) for n in (1, 3, 6)] == [
        ("offered", 90_00, False), ("offered", 90_00, False), ("reversed", 90_00, False)]
    again = sorted_out(ward.file(lines, key="thousands-1"))
    assert all(line["repeated"] for line in again["taken"])
    assert [line | {"repeated": False} for line in again["taken"]] == [line | {"repeated": False} for line in told["taken"]]
    assert (again["rejected"], again["unanswered"]) == (told["rejected"], [])
    assert paid_out(ward, *standing) == 500 * 90_00


def test_a_duplicate_says_so_though_its_key_is_another(ward: Ward) -> None:
    """`repeated` says that the line was settled before: by another line, by another file, or at the desk."""
    message = bill(ward.someone())
    twice = sorted_out(ward.file([message, message], key="duplicate-1"))
    assert [(line["pay_fen"], line["repeated"]) for line in twice["taken"]] == [(900_00, False), (900_00, True)]
    other = sorted_out(ward.file([message], key="duplicate-2"))
    assert [(line["settlement"], line["repeated"]) for line in other["taken"]] == [(twice["taken"][0]["settlement"], True)]


def test_what_a_file_pays_counts_each_settlement_once(ward: Ward) -> None:
    """A duplicate pays nothing more, and a reversal takes back."""
    kept, undone = bill(ward.someone()), bill(ward.someone())
    told = sorted_out(ward.file([kept, kept, undone, reversal(info(undone)["setl_id"], info(undone)["psn_no"][3:])], key="counted-once"))
    assert told["pay_fen"] == paid_out(ward, kept, undone) == 900_00


def test_the_order_of_one_persons_lines_is_kept(ward: Ward) -> None:
    """Of one person's bills the first uses the year's deductible; the rest go on from it, whoever else is in the file."""
    people = [ward.someone() for _ in range(30)]
    lines = [bill(person, yuan, med_type="21") for yuan in (6_000, 4_000, 1_000) for person in people]
    told = sorted_out(ward.file(lines, key="in-order-1"))
    # 8,000 deductible, then 60% by half until pre-existing is known: nothing, (10,000 − 8,000) × 30%, 1,000 × 30%.
    assert [line["pay_fen"] for line in told["taken"]] == [0] * 30 + [600_00] * 30 + [300_00] * 30
    accepted = ward.rows("SELECT setl_id FROM settlement WHERE setl_id = ANY(%s) ORDER BY id", [info(line)["setl_id"] for line in lines])
    for person in people:
        mine = [info(line)["setl_id"] for line in lines if info(line)["psn_no"] == f"psn{person}"]
        assert [setl_id for setl_id, in accepted if setl_id in mine] == mine


def test_a_reversal_that_names_nobody_follows_its_original(ward: Ward) -> None:
    person = ward.someone()
    first, second = bill(person), bill(person)
    told = sorted_out(ward.file([first, second, reversal(info(second)["setl_id"])], key="names-nobody"))
    assert [(line["line"], line["state"]) for line in told["taken"]] == [(1, "offered"), (2, "offered"), (3, "reversed")]


def test_another_hospitals_line_is_refused_alone(ward: Ward) -> None:
    person = ward.someone()
    told = sorted_out(ward.file([bill(person), bill(person, fixmedins_code=OTHER_HOSPITAL), bill(person) | {"hospital": OTHER_HOSPITAL}], key="theirs-1"))
    assert [(line["line"], line["code"]) for line in told["rejected"]] == [(2, "access.hospital"), (3, "access.hospital")]
    theirs = bill(ward.someone())
    ward.settled(theirs, ward.hospital(OTHER_HOSPITAL))
    before = ward.standing()
    told = sorted_out(ward.file([theirs, reversal(info(theirs)["setl_id"], info(theirs)["psn_no"][3:])], key="theirs-2"))
    assert [line["code"] for line in told["rejected"]] == ["settlement.differs", "settlement.unknown"]
    assert ward.standing() == before


@pytest.mark.parametrize(("content", "lines"), [
    (b"", 0), (b"\n", 1), (b"\r\n", 1), (b"\n\n\n", 3), (b"x", 1), (b"x\n", 1), (b"x\r\ny\r\n", 2), (b"[1]\n[2]\n[3]", 3),
    (b"\xff\xfe\n\x00", 2), ("行\u2028行\u0085行".encode(), 1), (b"{}\x0b{}\x0c{}", 1), (b"[" * 100_000, 1), (b"null\n" * 20_000, 20_000),
], ids=lambda value: repr(value)[:24])
def test_lines_that_are_none(ward: Ward, content: bytes, lines: int) -> None:
    answer = ward.send("POST", PATH, ward.hospital(), content=content, headers=NDJSON | {"Idempotency-Key": f"none-{number()}"})
    told = sorted_out(answer)
    assert (told["lines"], len(told["rejected"])) == (lines, lines)
    assert {line["code"] for line in told["rejected"]} <= {"body.malformed"}


@pytest.mark.parametrize(("content", "headers", "status", "code"), [
    (b"{}",                     {"Content-Type": "application/json"},       415, "body.not_lines"),
    (b"{}",                     {},                                         415, "body.not_lines"),
    (b"{}\n" * 20_001,          NDJSON,                                     413, "file.too_long"),
    (b" " * (64 * 2**20 + 1),   NDJSON,                                     413, "body.too_large"),
    (b"{}",                     NDJSON | {"Idempotency-Key": "short"},      400, "key.malformed"),
])
def test_files_that_are_none(ward: Ward, content: bytes, headers: dict[str, str], status: int, code: str) -> None:
    answer = ward.send("POST", PATH, ward.hospital(), content=content, headers={"Idempotency-Key": "any-file-1"} | headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_another_file_under_the_same_key_is_refused_line_by_line(ward: Ward) -> None:
    first, other = bill(ward.someone()), bill(ward.someone())
    sorted_out(ward.file([first], key="used-once-1"))
    told = sorted_out(ward.file([other], key="used-once-1"))
    assert [line["code"] for line in told["rejected"]] == ["key.other_body"]
    assert paid_out(ward, other) == 0


# ── cut short ────────────────────────────────────────────────────────────────────────────────────────────────────────

def test_a_file_that_is_turned_away_in_the_middle_is_resumed(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    people = [ward.someone() for _ in range(10)]
    lines: list[Message | bytes] = [bill(people[n % 10], 200) for n in range(600)]
    submit, calls = ward.engine.submit, iter(range(10_000))

    async def busy(*given: Any) -> Any:
        if next(calls) >= 300:
            raise TurnedAway(1)
        return await submit(*given)

    with monkeypatch.context() as during:
        during.setattr(ward.engine, "submit", busy)
        cut = sorted_out(ward.file(lines, key="cut-short-1"))
    assert (len(cut["taken"]), cut["rejected"], len(cut["unanswered"])) == (300, [], 300)
    whole = sorted_out(ward.file(lines, key="cut-short-1"))
    assert (len(whole["taken"]), whole["unanswered"]) == (600, [])
    assert {line["line"] for line in whole["taken"] if line["repeated"]} == {line["line"] for line in cut["taken"]}
    assert (whole["pay_fen"], paid_out(ward, *(line for line in lines if isinstance(line, dict)))) == (600 * 90_00, 600 * 90_00)


def test_one_persons_later_lines_wait_where_an_earlier_one_was_not_answered(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the later bill would be taken up before the earlier one, and use its deductible."""
    person = ward.someone()
    lines: list[Message | bytes] = [bill(person, 8_500, med_type="21"), bill(person, 1_000, med_type="21")]
    submit, calls = ward.engine.submit, iter(range(10_000))

    async def busy_once(*given: Any) -> Any:
        if next(calls) == 0:
            raise TurnedAway(1)
        return await submit(*given)

    with monkeypatch.context() as during:
        during.setattr(ward.engine, "submit", busy_once)
        cut = sorted_out(ward.file(lines, key="in-order-2"))
    assert cut["unanswered"] == [1, 2]
    whole = sorted_out(ward.file(lines, key="in-order-2"))
    assert [line["pay_fen"] for line in whole["taken"]] == [150_00, 300_00]     # (8,500 − 8,000) × 30%, 1,000 × 30%


def test_an_engine_that_dies_in_the_middle_is_followed_by_another(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    people = [ward.someone() for _ in range(5)]
    lines: list[Message | bytes] = [bill(people[n % 5], 200) for n in range(100)]
    submit, calls = ward.engine.submit, iter(range(10_000))

    async def dies(*given: Any) -> Any:
        if next(calls) == 50:
            raise ZeroDivisionError("planted")
        return await submit(*given)

    with monkeypatch.context() as during:
        during.setattr(ward.engine, "submit", dies)
        assert ward.file(lines, key="dies-in-the-middle").status_code == 500
    whole = sorted_out(ward.file(lines, key="dies-in-the-middle"))
    assert (len(whole["taken"]), whole["pay_fen"]) == (100, 100 * 90_00)
    assert paid_out(ward, *(line for line in lines if isinstance(line, dict))) == 100 * 90_00
