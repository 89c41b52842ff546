"""Who may do what: one table of operations by role, and the one guard that every request passes.

What a cell says:

    .           not at all: 403, or 401 where nobody has signed in
    own         one's own things: a member's orders, policies, accounts
    insurer     things of the insurer: its products, the pools it is in, its policies
    hospital    things of the hospital: its settlements, its days, what it is owed
    programme   everything in the credential's programme, and in its area where it has one
    whole       as `programme`, for credentials of no area alone: money of all areas together, and days, which know none
    all         everything there is to read, also of other programmes

Reach is kept where data is read (`reaches`): what is out of reach answers 404, exactly like what is not there.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from huibao.web import refusals
from huibao.web.credentials import Principal, Role
from huibao.web.problems import Refused

Reach = Literal["no", "own", "insurer", "hospital", "programme", "whole", "all"]

ROLES: Final = ("public", *get_args(Role))

_TABLE: Final = """
operation            public  member  agency     bureau     insurer  provider  regulator  actuary  auditor    administrator
health               all     all     all        all        all      all       all        all      all        all
document             all     all     all        all        all      all       all        all      all        all
programmes           all     all     all        all        all      all       all        all      all        all
products             all     all     all        all        all      all       all        all      all        all
product              all     all     all        all        all      all       all        all      all        all
verify_policy        all     all     all        all        all      all       all        all      all        all
check_policy         .       .       programme  programme  .        .         programme  .        programme  .
pool_statement       .       .       .          programme  insurer  .         programme  .        programme  .
connection_tests     .       .       .          programme  insurer  .         programme  .        programme  .
try_connection       .       .       programme  .          .        .         .          .        .          programme
check_identity       .       own     programme  .          .        .         .          .        .          .
purchase             .       own     programme  .          .        .         .          .        .          .
cancel_order         .       own     programme  .          .        .         .          .        .          .
reviews              .       .       programme  programme  .        .         .          .        programme  .
review_order         .       .       programme  .          .        .         .          .        .          .
review_list          .       .       programme  .          .        .         .          .        .          .
review_totals        .       .       programme  programme  .        .         .          .        programme  .
claim_reviews        .       .       programme  .          .        .         .          .        .          .
claim_review         .       .       programme  .          .        .         .          .        .          .
release_review       .       .       programme  .          .        .         .          .        .          .
give_mandate         .       own     programme  .          .        .         .          .        .          .
mandates             .       own     programme  .          .        .         .          .        .          .
revoke_mandate       .       own     programme  .          .        .         .          .        .          .
open_payment         .       own     .          .          .        .         .          .        .          .
notify_payment       all     .       .          .          .        .         .          .        .          .
orders               .       own     .          .          .        .         .          .        .          .
order                .       own     programme  .          .        .         .          .        programme  .
policies             .       own     .          .          .        .         .          .        .          .
policy               .       own     programme  .          insurer  .         .          .        programme  .
quote_surrender      .       own     programme  .          .        .         .          .        .          .
surrender            .       own     programme  .          .        .         .          .        .          .
refunds              .       own     programme  programme  insurer  .         .          .        programme  .
refund               .       own     programme  programme  insurer  .         .          .        programme  .
repay                .       .       .          .          insurer  .         .          .        .          .
repayments           .       .       programme  programme  insurer  .         .          .        programme  .
repayment            .       .       programme  programme  insurer  .         .          .        programme  .
answer_repayment     .       .       whole      .          .        .         .          .        .          .
confirm_account_closed .     .       programme  .          .        .         .          .        .          .
withdraw_confirmation .      .       programme  .          .        .         .          .        .          .
accept_refund        .       own     programme  .          .        .         .          .        .          .
pay_refund           .       .       .          .          insurer  .         .          .        .          .
decide_channel_refund .      .       programme  .          .        .         .          .        .          .
me                   .       own     .          .          .        .         .          .        .          .
my_accounts          .       own     .          .          .        .         .          .        .          .
account_use          .       .       .          programme  .        .         .          .        programme  .
account_use_orders   .       .       .          programme  .        .         .          .        programme  .
account_postings     .       .       programme  .          .        .         .          .        programme  .
account_days         .       .       whole      .          .        .         .          .        whole      .
my_account_use       .       own     .          .          .        .         .          .        .          .
settle               .       .       programme  .          .        hospital  .          .        .          .
pre_settle           .       .       .          .          .        hospital  .          .        .          .
settle_file          .       .       .          .          .        hospital  .          .        .          .
confirm_settlement   .       .       .          .          .        hospital  .          .        .          .
withdraw_settlement  .       .       .          .          .        hospital  .          .        .          .
judge_settlement     .       .       programme  .          insurer  .         .          .        .          .
settlement           .       own     programme  .          insurer  hospital  .          .        programme  .
settlements          .       own     .          .          .        .         .          .        .          .
notices              .       own     .          .          .        .         .          .        .          .
agree_to_payment     .       own     programme  .          .        .         .          .        .          .
cases                .       .       programme  programme  insurer  hospital  .          .        programme  .
reconcile            .       .       .          .          .        hospital  .          .        .          .
payables             .       .       .          programme  insurer  hospital  .          .        programme  .
payouts              .       .       .          programme  insurer  hospital  .          .        programme  .
propose_statement    .       .       .          .          insurer  .         .          .        .          .
answer_statement     .       .       .          .          .        hospital  .          .        .          .
statement            .       .       .          .          insurer  hospital  .          .        programme  .
prepay_hospital      .       .       .          .          insurer  .         .          .        .          .
reissue_payout       .       .       .          .          insurer  .         .          .        .          .
call_recoveries      .       .       .          .          insurer  .         .          .        .          .
recoveries           .       .       .          programme  insurer  .         .          .        programme  .
register_sponsor     .       .       programme  .          .        .         .          .        .          .
fund_sponsor         .       .       programme  .          .        .         .          .        .          .
sponsors             .       .       programme  programme  .        .         .          .        programme  .
upload_roster        .       .       programme  .          .        .         .          .        .          .
rosters              .       .       programme  programme  insurer  .         .          .        programme  .
roster               .       .       programme  programme  insurer  .         .          .        programme  .
roster_rejected      .       .       programme  programme  .        .         .          .        programme  .
confirm_roster       .       .       programme  programme  .        .         .          .        .          .
steer_roster         .       .       programme  programme  .        .         .          .        .          .
roster_statement     .       .       programme  programme  insurer  .         .          .        programme  .
change_detail        .       own     programme  .          .        .         .          .        .          .
correct_fact         .       .       programme  .          insurer  .         .          .        .          .
amend_order          .       own     programme  .          .        .         .          .        .          .
answer_endorsement   .       .       programme  .          insurer  .         .          .        .          .
endorsements         .       own     programme  .          insurer  .         .          .        programme  .
endorsement          .       own     programme  .          insurer  .         .          .        programme  .
policy_endorsements  .       own     programme  .          insurer  .         .          .        programme  .
renewals             .       own     .          .          .        .         .          .        .          .
confirm_renewals     .       own     .          .          .        .         .          .        .          .
decline_renewal      .       own     .          .          .        .         .          .        .          .
renewal_totals       .       .       .          programme  .        .         .          .        programme  .
receiving_accounts           .  .  programme  programme  insurer  .  .  .  programme  .
register_receiving_account   .  .  whole      .          .        .  .  .  .          .
call_back_insurer            .  .  whole      .          .        .  .  .  .          .
decide_receiving_account     .  .  whole      .          .        .  .  .  .          .
make_remittance              .  .  whole      .          .        .  .  .  .          .
remittances                  .  .  programme  programme  insurer  .  .  .  programme  .
remittance                   .  .  programme  programme  insurer  .  .  .  programme  .
remittance_lines             .  .  programme  programme  insurer  .  .  .  programme  .
remittance_file              .  .  programme  programme  insurer  .  .  .  programme  .
remittance_statement         .  .  programme  programme  insurer  .  .  .  programme  .
remittance_days              .  .  programme  programme  insurer  .  .  .  programme  .
read_bank_return             .  .  whole      .          .        .  .  .  .          .
confirm_remittance           .  .  .          .          insurer  .  .  .  .          .
decide_remittance_case       .  .  programme  .          .        .  .  .  .          .
issue_credential     .       .       .          .          .        .         .          .        .          programme
revoke_credential    .       .       .          .          .        .         .          .        .          programme
"""


class TableWrong(ValueError):
    """The table and the routes disagree, or the table cannot be read; every place is named."""


def read(table: str) -> Mapping[str, Mapping[str, Reach]]:
    """Each operation's reach by role. Raises `TableWrong`."""
    head, *rows = (line.split() for line in table.strip().splitlines())
    if tuple(head[1:]) != ROLES:
        raise TableWrong(f"the columns are {' '.join(head[1:])}, the roles {' '.join(ROLES)}")
    found: dict[str, Mapping[str, Reach]] = {}
    for operation, *cells in rows:
        reaches_: dict[str, Reach] = {}
        for role, cell in zip(ROLES, cells, strict=False):
            reaches_[role] = _reach(cell)
        if len(cells) != len(ROLES) or operation in found:
            raise TableWrong(f"{operation} stands here twice, or has not one cell for each role")
        found[operation] = reaches_
    return found


def _reach(cell: str) -> Reach:
    known: dict[str, Reach] = {".": "no", "own": "own", "insurer": "insurer", "hospital": "hospital", "programme": "programme",
                               "whole": "whole", "all": "all"}
    if cell not in known:
        raise TableWrong(f"{cell!r} is no reach: write one of {' '.join(known)}")
    return known[cell]


TABLE: Final = read(_TABLE)


def agree(operations: Iterable[str], table: Mapping[str, Mapping[str, Reach]] = TABLE) -> None:
    """Raises `TableWrong` unless every route has its row and every row its route."""
    routes = set(operations)
    wrong = [f"route {name} has no row" for name in sorted(routes - table.keys())]
    wrong += [f"row {name} has no route" for name in sorted(table.keys() - routes)]
    if wrong:
        raise TableWrong("; ".join(wrong))


def admit(operation: str, caller: Principal | None, programme: str | None) -> Reach:
    """How far the caller reaches here. Raises `Refused`: 401, 403, or 404 for another programme than the caller's."""
    role = caller.role if caller else "public"
    reach = TABLE[operation][role]
    if reach == "all":
        return reach
    if caller is None:
        raise Refused(refusals.credential_missing(), {"WWW-Authenticate": 'Bearer realm="huibao"'})
    if reach == "no":
        raise Refused(refusals.role_refused(role, operation))
    if caller.scopes and operation not in caller.scopes:
        raise Refused(refusals.scope_refused(operation))
    if programme is not None and caller.programme not in {None, programme}:
        raise Refused(refusals.programme_unknown())
    if reach != "whole":
        return reach
    if caller.area is not None:
        raise Refused(refusals.area_refused(operation))
    return "programme"


@dataclass(frozen=True, slots=True)
class Owners:
    """Whose something is: people, insurers, hospitals, and the area it belongs to, None where it belongs to none."""

    people: Collection[int] = ()
    insurers: Collection[str] = ()
    hospitals: Collection[str] = ()
    area: str | None = None


def reaches(caller: Principal | None, reach: Reach, owners: Owners) -> bool:
    """Whether the caller's reach comes as far as something of these owners."""
    if reach == "all":
        return True
    if caller is None:
        return False
    match reach:
        case "own":
            return caller.person_id in owners.people
        case "insurer":
            return caller.insurer in owners.insurers
        case "hospital":
            return caller.provider in owners.hospitals
        case "programme":
            return caller.area is None or owners.area in {None, caller.area}
        case _:
            return False
