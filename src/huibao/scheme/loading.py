"""A scheme file becomes a `Scheme`, or `FileRefused` with every mistake: file, key, clause and what to write instead.

Every rule section carries `clause = "…"` (listed with its place under [clauses]) or `example = true`, and may carry
`from` (else the document's date) and `until`. A section written as a list of tables holds dated versions.
"""

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Final, TypeVar

from huibao.core.tomlfile import Source, Table
from huibao.scheme import sections
from huibao.scheme.model import EXAMPLE, Basis, Cite, Document, Rule, Scheme
from huibao.scheme.sections import Reading
from huibao.scheme.sentences import is_document_number
from huibao.scheme.words import ACCT_PAY_COUNTED, DOCUMENT_STATUS

R = TypeVar("R", bound=Rule)

_SCHEMES: Final = "schemes"
_NATIONAL: Final = "national"
_CLAUSE: Final = re.compile(r"[A-Z]{2,4}-\d+(\.\d+)?[a-z]?")


def load(path: Path) -> Scheme:
    """The scheme in a file. Raises `FileRefused`, or `OSError` where it cannot be read."""
    return load_text(path.name, path.read_text("utf-8"))


def builtin(id: str) -> Scheme:
    """A scheme that comes with the package. Raises `KeyError` for an id it does not have."""
    if id not in builtin_ids():
        raise KeyError(id)
    return load_text(f"{id}.toml", (resources.files("huibao") / _SCHEMES / f"{id}.toml").read_text("utf-8"))


def builtin_ids() -> tuple[str, ...]:
    names = (entry.name for entry in (resources.files("huibao") / _SCHEMES).iterdir())
    return tuple(sorted(name[:-5] for name in names if name.endswith(".toml") and name != f"{_NATIONAL}.toml"))


def load_text(name: str, text: str) -> Scheme:
    """The scheme in `text`; `name` is the file as messages call it. Raises `FileRefused`."""
    file = Source(name, text)
    root = file.root()
    document = _document(root)
    reading = _ReadingFile(file, document.issued, _clauses(root))
    scheme = Scheme(
        id=_id(root, name),
        name=root.text("name"),
        admdvs=_admdvs(root),
        acct_pay_counted=root.choice("acct_pay_counted", ACCT_PAY_COUNTED, "outside-fund"),
        document=document,
        payer=reading.versions(root, "payer", sections.payer),
        insured=reading.versions(root, "insured", sections.insured),
        join=reading.versions(root, "join", sections.join),
        relations=reading.versions(root, "relations", sections.relations),
        chronic_benefit=reading.versions(root, "chronic_benefit", sections.chronic_benefit),
        account=reading.versions(root, "account", sections.account),
        review=reading.versions(root, "review", sections.review),
        review_clock=reading.versions(root, "review_clock", sections.review_clock),
        identity=reading.versions(root, "identity", sections.identity),
        connection=reading.versions(root, "connection", sections.connection),
        kinds=reading.versions(root, "kinds", sections.kinds),
        cash_only=reading.versions(root, "cash_only", sections.cash_only),
        listing=reading.versions(root, "listing", sections.listing),
        refused_features=reading.versions(root, "refused_features", sections.refused_features),
        premium=reading.versions(root, "premium", sections.premium),
        coverage=reading.versions(root, "coverage", sections.coverage),
        common_illness=reading.versions(root, "common_illness", sections.common_illness),
        hardship=reading.versions(root, "hardship", sections.hardship),
        payer_order=reading.versions(root, "payer_order", sections.payer_order),
        selection=reading.versions(root, "selection", sections.selection),
        cycle=reading.versions(root, "cycle", sections.cycle),
        cost_and_profit=reading.versions(root, "cost_and_profit", sections.cost_and_profit),
        payout_ratio=reading.versions(root, "payout_ratio", sections.payout_ratio),
        surplus=reading.versions(root, "surplus", sections.surplus),
        books=reading.versions(root, "books", sections.books),
        desk=reading.versions(root, "desk", sections.desk),
        refund=reading.versions(root, "refund", sections.refund),
        remittance=reading.versions(root, "remittance", sections.remittance),
        sponsored=reading.versions(root, "sponsored", sections.sponsored),
        endorsement=reading.versions(root, "endorsement", sections.endorsement),
        mandate=reading.versions(root, "mandate", sections.mandate),
        renewal=reading.versions(root, "renewal", sections.renewal),
        digest=hashlib.sha256(text.encode()).hexdigest(),
    )
    reading.close()
    _open_account_is_whole(root, scheme)
    root.close()
    file.done()
    return scheme


@dataclass(slots=True)
class _ReadingFile:
    """A file while its rules are read: which clauses it lists, and which of them a rule has cited."""

    file: Source
    issued: date
    clauses: dict[str, Cite]
    cited: set[str] = field(default_factory=set)

    def versions(self, root: Table, key: str, read: Callable[[Reading, Table, Basis], R]) -> tuple[R, ...]:
        """The dated versions of one section, oldest first; a mistake in one is reported under that version's clause."""
        found = []
        for table in _tables(root, key):
            before = len(self.file.problems)
            basis = self._basis(table)
            found.append((table, read(self, table, basis)))
            table.close()
            self.file.problems[before:] = [
                replace(problem, clause=problem.clause or basis.cite.id) for problem in self.file.problems[before:]
            ]
        found.sort(key=lambda pair: pair[1].basis.since)
        self._no_overlap(found)
        return tuple(rule for _, rule in found)

    def cite(self, table: Table, key: str = "clause") -> Cite | None:
        """The clause named under `key`, or None where the key is absent."""
        if key not in table:
            return None
        clause = table.text(key)
        self.cited.add(clause)
        if clause in self.clauses:
            return self.clauses[clause]
        table.problem(key, f"条款“{clause}”未列入 [clauses]，请在 [clauses] 下写：\"{clause}\" = \"第几条\"",
                      f'clause {clause!r} is not listed; write under [clauses]: "{clause}" = "its place"', clause)
        return Cite(clause, "")

    def cite_or_example(self, table: Table) -> Cite:
        cite = self.cite(table)
        example = table.flag("example", False)
        if cite and example:
            table.problem("example", "clause 与 example 只能写一个：有条款的规则请删去 example",
                          "write clause or example, not both: delete example where a clause decides", cite.id)
        if cite is None and not example:
            table.problem("clause", '缺少出处，请写 clause = "条款号";文件未作规定而由本地示例设定的，请写 example = true',
                          'missing; write clause = "…", or example = true where no document decides')
        return cite or EXAMPLE

    def close(self) -> None:
        """Reports the listed clauses that no rule cites."""
        for clause in self.clauses:
            if clause not in self.cited:
                self.file.problem(f"clauses.{clause}", "没有规则引用此条款，请删去或在规则中写 clause",
                                  "no rule cites this clause; delete it, or cite it in a rule", clause)

    def _basis(self, table: Table) -> Basis:
        cite = self.cite_or_example(table)
        since = table.day("from", self.issued)
        until = table.optional_day("until")
        if until and until < since:
            table.problem("until", f"早于 from({since})，请写不早于 {since} 的日期",
                          f"is before from; write {since} or later")
        if since < self.issued:
            table.problem("from", f"早于文件日期（{self.issued}），请写 {self.issued} 或以后的日期",
                          f"is before the document's date; write {self.issued} or later")
        return Basis(cite, since, until)

    def _no_overlap(self, found: Iterable[tuple[Table, Rule]]) -> None:
        for (table, one), (_, other) in pairwise(found):
            if one.basis.until is None or one.basis.until >= other.basis.since:
                last = other.basis.since - timedelta(days=1)
                table.problem("until", f"与 {other.basis.since} 起的版本重叠，请写 until = {last}",
                              f"overlaps the version from {other.basis.since}; write until = {last}",
                              one.basis.cite.id)


def _tables(root: Table, key: str) -> list[Table]:
    """A section written once is one version under its own name; a list of tables is several, numbered."""
    return [root.table(key)] if isinstance(root.raw(key), dict) else root.tables(key)


def _id(root: Table, name: str) -> str:
    id, stem = root.text("id"), name.removesuffix(".toml")
    if id and id != stem:
        root.problem("id", f"与文件名不一致，请写 id = \"{stem}\",或把文件改名为 {id}.toml",
                     f'differs from the file\'s name; write id = "{stem}", or call the file {id}.toml')
    return id


def _admdvs(root: Table) -> tuple[str, ...]:
    prefixes = root.texts("admdvs")
    for prefix in prefixes:
        if not re.fullmatch(r"\d{2,6}", prefix):
            root.problem("admdvs", f"“{prefix}”不是医保区划前缀，请写 2 到 6 位数字，如 \"4502\"",
                         f'{prefix!r} is no prefix of area codes; write 2 to 6 digits in quotes, such as "4502"')
    if "admdvs" in root and not prefixes:
        root.problem("admdvs", "不能为空，请写至少一个医保区划前缀，如 [\"4502\"]",
                     'is empty; write at least one prefix, such as ["4502"]')
    return prefixes


def _document(root: Table) -> Document:
    table = root.table("document")
    document = Document(
        title=table.text("title"),
        number=table.text("number", ""),
        issuer=table.text("issuer"),
        issued=table.day("issued"),
        status=table.choice("status", DOCUMENT_STATUS),
        note=table.text("note", ""),
    )
    table.close()
    return document


def _clauses(root: Table) -> dict[str, Cite]:
    table = root.table("clauses")
    ids = table.keys()
    for id in ids:
        if not _CLAUSE.fullmatch(id) and not is_document_number(id):
            table.problem(id, "不是条款号，请写如 \"LZ-5\",或上位文件的文号，如 \"国办发〔2021〕14号\"",
                          'is no clause; write it like "LZ-5", or a document\'s number like "国办发〔2021〕14号"')
    return {id: Cite(id, table.text(id)) for id in ids}


def _open_account_is_whole(root: Table, scheme: Scheme) -> None:
    """An account that is open says who pays, for whom and with which review clock; silence there is a mistake, two keepers another."""
    if len({account.kept_by for account in scheme.account}) > 1:
        root.problem("account", "各版本的 kept_by 须相同：账户由谁记账，不随规则的版本改变",
                     "kept_by differs between versions: whose system keeps the accounts does not change with the rules")
    for account in scheme.account:
        if not account.open:
            continue
        needed = {"payer": scheme.payer, "relations": scheme.relations, "insured": scheme.insured or scheme.join}
        if not scheme.review or any(rule.by == "agency" for rule in scheme.review):
            needed["review_clock"] = scheme.review_clock
        for key, versions in needed.items():
            if not versions:
                root.problem(key, f"个人账户已开放（account.open = true），须写 [{key}]",
                             f"the account is open, so write [{key}], or account.open = false", account.basis.cite.id)
