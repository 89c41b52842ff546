"""The closed vocabularies of scheme files: each code with the Chinese that people read."""

from collections.abc import Iterable, Mapping
from typing import Final

INSURANCE: Final = {
    "310": "职工基本医疗保险",
    "340": "离休人员医疗保障",
    "380": "新型农村合作医疗",
    "390": "城乡居民基本医疗保险",
    "391": "城镇居民基本医疗保险",
}
STATUS: Final = {"1": "正常参保", "2": "暂停参保", "4": "终止参保"}
RELATIONS: Final = {
    "self": "本人",
    "spouse": "配偶",
    "child": "子女",
    "parent": "父母",
    "spouse-parent": "配偶父母",
    "account-family": "个人账户家庭成员",
}
#: Relations as registered between two people: nobody is kin to oneself.
KIN: Final = {code: label for code, label in RELATIONS.items() if code not in {"self", "account-family"}}
#: What a request may say beside `RELATIONS`; no scheme can allow it.
OTHER_RELATION: Final = "other"

KINDS: Final = {
    "medical": "医疗保险",
    "disease": "疾病保险",
    "disability-income": "失能收入损失保险",
    "care": "护理保险",
    "medical-accident": "医疗意外保险",
    "accident": "意外伤害保险",
    "medical-liability": "医疗责任保险",
    "practice": "医疗执业保险",
    "adverse-drug-reaction": "药品不良反应保险",
    "health-management": "健康管理与养生保健保险",
    "patent": "医药企业专利保险",
    "life": "人寿保险",
}
FEATURES: Final = {"investment": "投资理财性质", "return-of-premium": "保险期内返还条款", "loan": "保单贷款"}
ACCOUNTS: Final = {"personal": "个人账户", "savings": "储蓄账户"}
#: Whose system keeps the accounts: this platform's books, or the agency's own system, which is asked.
KEEPERS: Final = {"here": "本平台记账", "agency": "经办机构系统记账"}
EXCESS: Final = {"cash": "由个人自费", "refuse": "不受理"}
REVIEWERS: Final = {"none": "即时办理", "agency": "医保经办机构审核"}
UNCONFIRMED: Final = {"person": "改为直接赔付本人", "void": "作废，不再赔付"}
#: In the order of ISO weekdays.
WEEKDAYS: Final = {"mon": "周一", "tue": "周二", "wed": "周三", "thu": "周四", "fri": "周五", "sat": "周六", "sun": "周日"}
MISSED_START: Final = {"void": "作废并释放冻结资金", "from-approval": "自审核通过次日零时起保"}
ROUTES: Final = {
    "tender": "公开招标",
    "expert-review": "专家评审",
    "open-selection": "公开遴选",
    "reviewed-list": "审核目录",
}
CONDITIONS: Final = {
    "age": "年龄",
    "health": "健康状况",
    "history": "既往病史",
    "occupation": "职业类型",
    "household-registration": "户籍",
}
FACTORS: Final = {
    "age": "年龄",
    "tier": "保障档次",
    "household-size": "家庭参保人数",
    "insurance-kind": "医保险种",
    "hardship": "困难身份",
    "past-claims": "既往理赔",
    "illness-risk": "个人疾病风险",
}
HARDSHIPS: Final = {
    "destitute": "特困人员",
    "subsistence-allowance": "最低生活保障对象",
    "near-subsistence": "低保边缘家庭成员",
    "poverty-risk": "防止返贫监测对象",
    "orphan": "孤儿",
    "disabled": "重度残疾人",
}
FAVOURS: Final = {"premium": "产品定价", "payout": "赔付条件", "cover": "保障范围"}
#: Other payers of a bill by their field in the national settlement message.
PAYERS: Final = {
    "hifp_pay": "基本医疗保险统筹基金",
    "hifob_pay": "职工大额医疗费用补助",
    "hifmi_pay": "大病保险",
    "cvlserv_pay": "公务员医疗补助",
    "hifes_pay": "企业补充医疗保险",
    "maf_pay": "医疗救助",
    "oth_pay": "其他支付",
}
DOCUMENT_STATUS: Final = {"in-force": "施行中", "draft": "征求意见稿", "example": "示例"}
ACCT_PAY_COUNTED: Final = {"outside-fund": "不计入基金支付总额", "inside-fund": "计入基金支付总额"}


def named(vocabulary: Mapping[str, str], codes: Iterable[str]) -> str:
    """The codes as people read them, in their order; an unknown code stays as it is."""
    return "、".join(vocabulary.get(code, code) for code in codes)
