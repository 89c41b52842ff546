"""`huibao backup` and `huibao restore` as an operator types them: what is said, and what is refused before anything is done."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from huibao.app.secrets import Secrets
from huibao.cli import main
from huibao.db.embedded import Embedded
from tests import books
from tests.books import City, buy, run, small_city
from tests.database import server
from tests.journeys.office import programmes_of


@pytest.fixture(scope="module")
def place() -> Iterator[tuple[Path, City]]:
    """A folder with a server whose city sold something, and its keys."""
    with server() as made:
        city = small_city(programmes_of(made.url()), "xizang")
        run(city, [buy(city, 1)])
        folder = made.folder.parent
        Secrets.open(folder / "secrets.json")
        yield folder, city


@pytest.fixture(autouse=True)
def environment(place: tuple[Path, City], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, _ = place
    monkeypatch.setenv("HUIBAO_DATA", str(folder / "pg"))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("HUIBAO_SECRETS", raising=False)


def typed(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def test_backed_up_and_restored(place: tuple[Path, City]) -> None:
    folder, city = place
    with books.owner(city) as connection:
        connection.execute("DELETE FROM person_key WHERE person_id = 6")
    done = typed("backup", folder / "backups")
    assert (done.exit_code, done.stderr) == (0, "")
    for said in ("restorable to any instant from then on", "the keys are not in the backup: keep them, and apart", "1 erased people noted"):
        assert said in done.stdout
    with tempfile.TemporaryDirectory(prefix="huibao-") as name:
        Path(name).chmod(0o711)
        there = Path(name) / "restored"
        try:
            back = typed("restore", folder / "backups", "--data", there)
            assert (back.exit_code, back.stderr) == (0, "")
            for said in ("0 people erased again", f"{city.code} 测试: 账实相符 sound", f"HUIBAO_DATA={there} huibao serve"):
                assert said in back.stdout
        finally:
            Embedded(there).stop()
    Embedded(folder / "pg").archiver.unlink()


def test_only_erasures(place: tuple[Path, City], monkeypatch: pytest.MonkeyPatch) -> None:
    """For a server that other tools restored: the list is noted, and gone through again."""
    folder, city = place
    monkeypatch.setenv("DATABASE_URL", city.url)
    with books.owner(city) as connection:
        connection.execute("DELETE FROM person_key WHERE person_id = 7")
    assert typed("backup", folder / "lists", "--erasures-only").exit_code == 0
    with books.owner(city) as connection:
        connection.execute("INSERT INTO person_key VALUES (7, 'back again')")
    again = typed("restore", folder / "lists", "--erasures-only")
    assert (again.exit_code, "1 people erased again" in again.stdout) == (0, True)


REFUSED = [
    # 命令                                              说的话
    (("backup", "{home}"),                             "there are no keys: name their file in HUIBAO_SECRETS"),
    (("restore", "{home}"),                            "say --data, or --erasures-only alone"),
    (("restore", "{home}", "--data", "{home}/x", "--erasures-only"), "say --data, or --erasures-only alone"),
    (("restore", "{home}", "--data", "{home}/x", "--to", "noon"), "that is no instant"),
    (("restore", "{home}", "--erasures-only"),         "nobody knows who was erased since"),
]


@pytest.mark.parametrize(("words", "says"), REFUSED)
def test_refused(place: tuple[Path, City], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], says: str) -> None:
    folder, _ = place
    if words[0] == "backup":
        monkeypatch.setenv("HUIBAO_SECRETS", str(folder / "none.json"))
    said = typed(*(word.format(home=tmp_path) for word in words))
    assert said.exit_code == 1
    assert says in said.stderr
    assert list(tmp_path.iterdir()) == []


def test_keys_among_backups_are_refused(place: tuple[Path, City], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUIBAO_SECRETS", str(tmp_path / "keys" / "secrets.json"))
    Secrets.open(tmp_path / "keys" / "secrets.json")
    assert "the keys lie among the backups: move them elsewhere" in typed("backup", tmp_path).stderr


def test_a_server_of_others_is_backed_up_by_their_tools(place: tuple[Path, City], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, city = place
    monkeypatch.setenv("DATABASE_URL", city.url)
    assert "that server has its own tools" in typed("backup", tmp_path).stderr
