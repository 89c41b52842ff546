"""A market for measuring: payers with money and three relatives each, and the orders they send."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from importlib import resources
from random import Random
from typing import Any, Final

from psycopg import Connection

from huibao.app.secrets import Secrets
from huibao.benefits import loading as plans
from huibao.catalogue import listing
from huibao.core import chain
from huibao.core.sealing import new_person_key
from huibao.db import sqlfile
from huibao.enrolment.model import IdentityCheck
from huibao.record.batch import SQL as RECORD
from huibao.scheme import loading as schemes
from huibao.web.credentials import digest_of
from huibao.web.tokens import sign_check

SQL: Final = sqlfile.load("huibao.bench")

#: The measured orders are under the scheme that decides most: a yearly limit, a minimum balance, a tested insurer.
SCHEME: Final = next(scheme for scheme in map(schemes.builtin, schemes.builtin_ids())
                     if any(account.yearly_limit and account.minimum_balance for account in scheme.account))
PLAN: Final = next(plan for plan in map(plans.builtin, plans.builtin_ids()) if plan.scheme == SCHEME.id and plan.status == "example")
TIER: Final = PLAN.tier_ids[0]
AREA: Final = SCHEME.admdvs[0].ljust(6, "0")
#: Orders of a payer: for oneself, and for each relative.
FAMILY: Final = 4
#: A payer's orders lie within so many of each other: a few meet in one batch, and most do not.
NEAR: Final = 40_000


@dataclass(frozen=True, slots=True)
class Market:
    """So many payers in a programme; their ids are 1, 1 + FAMILY, …, each followed by its relatives'."""

    code: str
    payers: int
    seed: int = 7

    def payer(self, n: int) -> int:
        return 1 + n * FAMILY

    def token(self, payer: int) -> str:
        """The payer's credential: of the right form, and the same in every run."""
        return "hb_" + f"{self.code}x{payer}".ljust(43, "_")


def found(connection: Connection[Any], market: Market, secrets: Secrets, at: datetime) -> None:
    """Fills the schema on the connection's search_path, whole. The programme is there already."""
    text = (resources.files("huibao") / "schemes" / f"{SCHEME.id}.toml").read_text("utf-8")
    connection.execute(RECORD["start_chain"], {"head": chain.genesis(market.code)})
    for kind in ("cash", "fund"):
        connection.execute(SQL["insert_outside"], {"kind": kind})
    listing.load_product(connection, SCHEME, text, PLAN, {"a": ("甲", 40), "b": ("乙", 35), "c": ("丙", 25)}, at)
    refused = listing.put_on_sale(connection, SCHEME, PLAN, PLAN.valid_from, PLAN.valid_to - timedelta(days=1), SCHEME.listing[0].by[0])
    assert refused is None, refused
    listing.record_connection_test(connection, "a", True, "measured", 0, at)
    people = market.payers * FAMILY
    with connection.cursor().copy(SQL["copy_person"]) as copy:
        for i in range(1, people + 1):
            # Fields of people who are not there: sealed columns are bytes of the usual length.
            mark = i.to_bytes(17, "big")
            copy.write_row((i, f"bench{i}", date(1970, 1, 1) + timedelta(days=i % 9000), "1", AREA, mark, mark, mark * 3, mark * 3))
    with connection.cursor().copy(SQL["copy_person_key"]) as copy:
        for n in range(market.payers):
            copy.write_row((market.payer(n), new_person_key(secrets.keyring, market.code, market.payer(n))[0]))
    with connection.cursor().copy(SQL["copy_enrolment"]) as copy:
        for i in range(1, people + 1):
            copy.write_row((i, "310", "1", AREA, date(2020, 1, 1), at))
    with connection.cursor().copy(SQL["copy_kinship"]) as copy:
        for n in range(market.payers):
            for relative, relation in enumerate(("spouse", "parent", "child"), 1):
                copy.write_row((market.payer(n), market.payer(n) + relative, relation, True, "户口簿", date(2020, 1, 1), at))
    connection.execute(SQL["open_accounts"], {"payers": market.payers, "family": FAMILY, "fen": 1_000_000, "at": at})
    with connection.cursor().copy(SQL["copy_credential"]) as copy:
        for n in range(market.payers):
            payer = market.payer(n)
            copy.write_row((digest_of(market.token(payer)), "member", "bench", market.code, payer, at, at + timedelta(days=1)))


def orders(market: Market, secrets: Secrets, terms_digest: bytes, at: datetime, kind: str) -> Iterator[tuple[str, bytes]]:
    """Requests in the order in which a crowd sends them, each with what is wanted of it.

    Of a hundred, five repeat an earlier request and two insure a stranger; the rest are granted. Orders of one payer lie
    close enough that some meet in one batch. `kind` keeps the keys of two runs apart.
    """
    chance = Random(market.seed)  # noqa: S311 - a measurement, the same each time
    turns = [(n, member) for n in range(market.payers) for member in range(FAMILY)]
    # Shuffled within windows: a family's orders come near each other, among those of others.
    for start in range(0, len(turns), NEAR):
        window = turns[start : start + NEAR]
        chance.shuffle(window)
        turns[start : start + NEAR] = window
    sent: list[bytes] = []
    for number, (n, member) in enumerate(turns):
        payer, die = market.payer(n), chance.randrange(100)
        if die < 5 and len(sent) > 1000:
            yield "replay", sent[chance.randrange(len(sent) - 1000, len(sent) - 500)]
        insured = payer + member if die >= 7 or die < 5 else market.payer((n + 1) % market.payers)
        request = _request(market, secrets, payer, insured, f"{kind}-{number:08d}", terms_digest, at)
        sent.append(request)
        yield "grant" if insured == payer + member else "refuse", request


def _request(market: Market, secrets: Secrets, payer: int, insured: int, key: str, terms_digest: bytes, at: datetime) -> bytes:
    check = sign_check(secrets.token_secret, market.code, IdentityCheck(payer, "face", True, at, f"check-{payer}"))
    body = json.dumps({
        "product": PLAN.id, "insured": [{"member": insured, "tier": TIER}], "pay_with": "account",
        "consent": {"terms": terms_digest.hex(), "accepted": ["terms", "exclusions", "notice"], "signature": f"sign-{key}"},
        "identity_check": check}).encode()
    head = (f"POST /v1/{market.code}/purchases HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {market.token(payer)}\r\n"
            f"Idempotency-Key: {key}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n")
    return head.encode() + body
