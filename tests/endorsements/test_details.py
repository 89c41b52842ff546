"""Details of a person through the real database: found by what is new, by nothing of what was; what matters by two people, in time."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, Final

import psycopg
import pytest

from huibao.endorsements import own
from huibao.endorsements.model import Actor, Answer, Change, Command, Content, Expire
from huibao.endorsements.state import PROPOSAL_DAYS
from huibao.members import indexes
from tests.books import City, Someone, owner, refusal, rows, small_city, verify
from tests.database import MakeProgramme
from tests.endorsements.office import CLERK, INSURER, SECOND, Office, change, content, endorsed, member, opened, register
from tests.settlement.ward import BILLED, INDEX_KEY

HER, HIM = "110101198506150023", "110101198506150040"
MENDED: Final = "110101198506150031"
LATE: Final = BILLED + timedelta(days=PROPOSAL_DAYS)


@pytest.fixture
def office(programme: MakeProgramme) -> Iterator[Office]:
    city = small_city(programme, "xizang", (Someone(1), Someone(2), Someone(3)))
    register(city, 1, "王䶮", HER, "13900000001")
    register(city, 2, "李四", HIM)
    with Office(city) as found:
        yield found
    assert verify(city) == []


def notices(city: City, person: int = 1) -> list[str]:
    return [zh for (zh,) in rows(city, "SELECT zh FROM notice WHERE person_id = %s ORDER BY id", person)]


# ── what becomes of it ───────────────────────────────────────────────────────────────────────────────────────────────

@pytest.mark.clause("LZ-19")
def test_a_member_changes_the_phone_at_once(office: Office) -> None:
    told = office.asks(change(1, "phone", "139 0000-0002", by=member(1), evidence=""))
    assert (told.state, told.kind, told.zh) == ("done", "phone", "手机号码已变更。")
    assert opened(office.city, 1, "person", "phone_sealed") == "139 0000-0002", "kept as it was written"
    assert rows(office.city, "SELECT phone_index FROM person WHERE id = 1") == [(indexes.of_phone(INDEX_KEY, office.city.code, "13900000002"),)]
    assert content(office.city, told.endorsement, 1) == Content("13900000001", "139 0000-0002", "更正")
    assert notices(office.city) == ["您的手机号码已变更。如非本人要求，请立即联系经办机构。"]


@pytest.mark.clause("LZ-19")
def test_a_name_is_mended_when_another_approves(office: Office) -> None:
    asked = office.asks(change(1, "name", "王龑"))
    assert (asked.state, asked.expires_at) == ("proposed", BILLED + timedelta(days=PROPOSAL_DAYS))
    assert opened(office.city, 1, "person", "name_sealed") == "王䶮", "nothing has changed yet"
    done = office.approves(asked)
    assert done.state == "done"
    assert opened(office.city, 1, "person", "name_sealed") == "王龑"
    [(index, born)] = rows(office.city, "SELECT name_index, born FROM person WHERE id = 1")
    assert index == indexes.of_name(INDEX_KEY, office.city.code, "王龑", born)
    assert len(notices(office.city)) == 2, "the person is told that it was asked for, and that it was done"


@pytest.mark.clause("LZ-19")
def test_an_identity_is_found_by_its_new_number(office: Office) -> None:
    office.approves(office.asks(change(1, "identity", MENDED)))
    found = [rows(office.city, "SELECT id FROM person WHERE identity_index = %s", indexes.of_identity(INDEX_KEY, office.city.code, number))
             for number in (MENDED, HER)]
    assert found == [[(1,)], []]
    assert opened(office.city, 1, "person", "identity_sealed") == MENDED
    told = office.approves(office.asks(change(2, "identity", HER)))
    assert told.state == "done", "a number that is nobody's any more may be another's"


@pytest.mark.clause("LZ-19")
def test_money_goes_to_the_new_account_once_a_clerk_approved(office: Office) -> None:
    asked = office.asks(change(1, "bank-account", "6222000000000000009", by=member(1), evidence=""))
    assert rows(office.city, "SELECT count(*) FROM bank_account") == [(0,)]
    office.approves(asked)
    assert opened(office.city, 1, "bank_account", "sealed") == "6222000000000000009"
    office.approves(office.asks(change(1, "bank-account", "6222000000000000017")))
    assert rows(office.city, "SELECT known_to IS NULL FROM bank_account ORDER BY id") == [(False,), (True,)]


def test_a_proposal_may_be_taken_back_and_sent_back(office: Office) -> None:
    first, second = office.asks(change(1, "name", "王龑")), office.asks(change(1, "bank-account", "6222000000000000009", by=member(1), evidence=""))
    for asked, by in ((first, CLERK), (second, SECOND)):
        [answer] = office.run(Answer(by, asked.endorsement, False, "材料不符"))
        assert endorsed(answer).state == "rejected"
    assert opened(office.city, 1, "person", "name_sealed") == "王䶮"
    assert notices(office.city)[-1].startswith("您的赔付收款账户变更申请未获复核通过")


def test_what_nobody_answers_lapses(office: Office) -> None:
    asked = office.asks(change(1, "name", "王龑"))
    command = own.expired(asked.endorsement).command
    assert command == Expire(asked.endorsement)
    [early] = office.run(command, at=LATE - timedelta(seconds=1))
    assert refusal(early).code == "endorsement.not_waiting"
    [late_answer] = office.run(Answer(SECOND, asked.endorsement, True), at=LATE)
    assert refusal(late_answer).code == "endorsement.not_waiting"
    [lapsed] = office.run(command, at=LATE)
    assert endorsed(lapsed).state == "expired"
    [again] = office.run(command, at=LATE)
    assert refusal(again).figures == {"state": "expired"}


# ── what is refused ──────────────────────────────────────────────────────────────────────────────────────────────────

def overtaken(office: Office) -> Command:
    first, second = office.asks(change(1, "name", "王龑")), office.asks(change(1, "name", "王岩"))
    office.approves(second)
    return Answer(SECOND, first.endorsement, True)


def overtaken_by_another(office: Office) -> Command:
    hers, his = office.asks(change(1, "identity", MENDED)), office.asks(change(2, "identity", MENDED))
    office.approves(his)
    return Answer(SECOND, hers.endorsement, True)


REFUSED: Final[list[tuple[str, str, Callable[[Office], Command]]]] = [
    ("没有这个人", "person.unknown", lambda _: change(99, "phone", "13900000009")),
    ("号码不是号码", "endorsement.value_unreadable", lambda _: change(1, "phone", "没有")),
    ("姓名是空的", "endorsement.value_unreadable", lambda _: change(1, "name", "·")),
    ("证件号码太短", "endorsement.value_unreadable", lambda _: change(1, "identity", "12")),
    ("账号不是数字", "endorsement.value_unreadable", lambda _: change(1, "bank-account", "工行 1234 5678")),
    ("换成原来的号码，写法不同", "endorsement.no_change", lambda _: change(1, "phone", "+86 139 0000 0001")),
    ("经办人员没有材料", "endorsement.evidence_needed", lambda _: change(1, "bank-account", "6222000000000000009", evidence="")),
    ("改姓名没有材料", "endorsement.evidence_needed", lambda _: change(1, "name", "王龑", evidence="")),
    ("证件号码是别人的", "endorsement.identity_taken", lambda _: change(1, "identity", HIM)),
    ("证件号码是别人的，写法不同", "endorsement.identity_taken", lambda _: change(1, "identity", f"{HIM[:6]} {HIM[6:14]}-{HIM[14:]}")),
    ("保险公司来改姓名", "endorsement.by_agency", lambda _: change(1, "name", "王龑", by=INSURER)),
    ("复核没有的申请", "endorsement.unknown", lambda _: Answer(SECOND, 99, True)),
    ("申请人自己复核", "endorsement.four_eyes", lambda office: Answer(CLERK, office.asks(change(1, "name", "王龑")).endorsement, True)),
    ("本人复核本人", "endorsement.four_eyes",
     lambda office: Answer(Actor(900, 1), office.asks(change(1, "name", "王龑")).endorsement, True)),
    ("申请人换一个凭证复核", "endorsement.four_eyes",
     lambda office: Answer(Actor(901, 50), office.asks(change(1, "name", "王龑", by=Actor(900, 50))).endorsement, True)),
    ("保险公司复核姓名", "endorsement.by_agency", lambda office: Answer(INSURER, office.asks(change(1, "name", "王龑")).endorsement, True)),
    ("复核两次", "endorsement.not_waiting", lambda office: Answer(Actor(104), office.approves(office.asks(change(1, "name", "王龑"))).endorsement, True)),
    ("复核之前号码已被别人登记", "endorsement.identity_taken", overtaken_by_another),
    ("复核之前姓名已另行更正", "endorsement.overtaken", overtaken),
    ("过期的不在等待", "endorsement.unknown", lambda _: Expire(99)),
]


def everything(city: City) -> str:
    tables = ("person", "bank_account", "standing", "look_back", "endorsement", "endorsement_effect", "notice")
    return "\n".join(str(rows(city, f"SELECT * FROM {table} ORDER BY 1, 2")) for table in tables)  # noqa: S608


@pytest.mark.parametrize("code, build", [pytest.param(code, build, id=name) for name, code, build in REFUSED])
def test_a_refusal_leaves_only_its_event(office: Office, code: str, build: Callable[[Office], Command]) -> None:
    command = build(office)
    before = everything(office.city)
    [answer] = office.run(command)
    assert refusal(answer).code == code
    assert everything(office.city) == before
    said = answer.body.decode()
    assert not [text for text in (HER, HIM, MENDED, "王䶮", "王龑", "13900000001") if text in said], "a refusal repeats nobody's details"


def test_who_was_erased_is_nobody(office: Office) -> None:
    asked = office.asks(change(1, "name", "王龑"))
    with owner(office.city) as connection:
        connection.execute("DELETE FROM person_key WHERE person_id = 1")
    answers = office.run(change(1, "phone", "13900000009"), Answer(SECOND, asked.endorsement, True))
    assert [refusal(answer).code for answer in answers] == ["person.unknown", "endorsement.unknown"]
    [lapsed] = office.run(Expire(asked.endorsement), at=LATE)
    assert endorsed(lapsed).state == "expired", "what nobody can open any more lapses in its time"


# ── four eyes in the database ────────────────────────────────────────────────────────────────────────────────────────

ALONE: Final = [
    ("nobody approved it", "state = 'done', ended_at = at, ended_by = id"),
    ("who asked approved it", "state = 'done', ended_at = at, ended_by = id, answered_by = asked_by"),
    ("whom it is about approved it", "state = 'done', ended_at = at, ended_by = id, answered_by = 7, answerer_id = person_id"),
    ("who asked approved it with another credential", "state = 'done', ended_at = at, ended_by = id, answered_by = 7, asker_id = 50, answerer_id = 50"),
]


@pytest.mark.parametrize("moved", [pytest.param(how, id=what) for what, how in ALONE])
def test_the_database_wants_two_people(office: Office, moved: str) -> None:
    office.asks(change(1, "name", "王龑"))
    with pytest.raises(psycopg.errors.CheckViolation), owner(office.city) as connection:
        connection.execute(f"UPDATE endorsement SET {moved}")  # noqa: S608


# ── again, and at the same moment ────────────────────────────────────────────────────────────────────────────────────

def test_the_same_key_answers_the_same(office: Office) -> None:
    command: Any = change(1, "bank-account", "6222000000000000009")
    first, again = (office.run(command, keys=["once"])[0] for _ in range(2))
    assert first.body == again.body
    assert rows(office.city, "SELECT count(*) FROM endorsement") == [(1,)]
    approve = Answer(SECOND, endorsed(first).endorsement, True)
    done, told = (office.run(approve, keys=["approved"])[0] for _ in range(2))
    assert done.body == told.body
    assert rows(office.city, "SELECT count(*) FROM bank_account") == [(1,)]


def test_one_batch_meets_itself(office: Office) -> None:
    """Two changes of one phone in one batch: the second finds the first done."""
    one, two, same = office.run(*(Change(CLERK, 1, "phone", number, "x") for number in ("13900000002", "13900000003", "13900000003")))
    assert (endorsed(one).state, endorsed(two).state, refusal(same).code) == ("done", "done", "endorsement.no_change")
    assert opened(office.city, 1, "person", "phone_sealed") == "13900000003"
    assert content(office.city, endorsed(two).endorsement, 1).before == "13900000002"
