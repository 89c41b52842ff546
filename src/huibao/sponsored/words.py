"""The closed vocabularies of sponsored groups, each code with the Chinese that people read."""

from collections.abc import Mapping
from typing import Final

from huibao.scheme.words import HARDSHIPS

#: What a sponsor is, and what its statement is called.
KINDS: Final[Mapping[str, str]] = {"subsidy": "财政补贴", "charity": "慈善资助", "donation": "社会捐赠", "employer": "用人单位（企业补充医疗保险）"}
STATEMENTS: Final[Mapping[str, str]] = {
    "subsidy": "财政资助参保结算单", "charity": "慈善资助参保结算单", "donation": "捐赠资助参保结算单", "employer": "企业补充医疗保险团体投保结算单"}
STATEMENTS_EN: Final[Mapping[str, str]] = {
    "subsidy": "Statement of enrolment paid by a subsidy", "charity": "Statement of enrolment paid by a charity",
    "donation": "Statement of enrolment paid by a donation", "employer": "Statement of an employer's group"}
STATES: Final[Mapping[str, str]] = {
    "checking": "核对中", "checked": "已核对，待确认", "running": "办理中", "paused": "已暂停", "cancelled": "已撤销", "done": "已办结"}
CATEGORIES: Final[Mapping[str, str]] = {**HARDSHIPS, "none": "一般人员"}
