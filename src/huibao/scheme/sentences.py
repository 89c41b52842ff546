"""Refusals and grants with their source: the clause, or that the file's own example decides, or that nothing does."""

from dataclasses import dataclass

from huibao.core.refusal import Refusal
from huibao.scheme.model import Cite, Document, Scheme


@dataclass(frozen=True, slots=True)
class Allowed:
    """A small decision that was granted; `clause` is None where an example or nobody decides."""

    clause: str | None
    zh: str
    en: str


def refuse(scheme: Scheme, cite: Cite | None, code: str, zh: str, en: str, **figures: int | str) -> Refusal:
    """A refusal under `cite`; None means that the document does not provide for what was asked.

    `zh` and `en` say what was refused and what can be done, without their source, which is added here.
    """
    source_zh, source_en = source(scheme, cite)
    document = scheme.document
    return Refusal(
        code,
        cite.id if cite else None,
        f"{zh}（{source_zh}）",
        f"{en} ({source_en})",
        {"document": called(document), "document_status": document.status, **figures},
    )


def allow(scheme: Scheme, cite: Cite | None, zh: str, en: str) -> Allowed:
    source_zh, source_en = source(scheme, cite)
    return Allowed(cite.id if cite else None, f"{zh}（{source_zh}）", f"{en} ({source_en})")


def called(document: Document) -> str:
    """A document as it is cited: its number, or its title where it has none."""
    return document.number or f"《{document.title}》"


def source(scheme: Scheme, cite: Cite | None) -> tuple[str, str]:
    """In Chinese and English, why: never a draft as law, never an example as a document's."""
    name = called(scheme.document)
    if cite is None:
        return f"{name}未作规定", f"{name} does not provide for it"
    if cite.id is None:
        return f"本地示例设定，{name}未作规定", f"a local example, not a rule of {name}"
    if is_document_number(cite.id):
        return f"依据{cite.id}{cite.place}", f"under {cite.id} {cite.place}"
    where_zh, where_en = f"{name}{cite.place}，{cite.id}", f"{name} {cite.place}, {cite.id}"
    match scheme.document.status:
        case "draft":
            return (f"征求意见稿，尚未施行，仅作示例：{where_zh}",
                    f"draft for comment, not in force, shown as an example: {where_en}")
        case "example":
            return f"示例：{where_zh}", f"example: {where_en}"
        case _:
            return f"依据{where_zh}", f"under {where_en}"


def is_document_number(clause: str) -> bool:
    """Whether a clause's id names another document by its number, such as 国办发〔2021〕14号."""
    return "〔" in clause and clause.endswith("号")
