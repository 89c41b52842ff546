"""What people are told: written with what it is about, and sent once that is committed."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from huibao.db.arrays import Int8s, Texts
from huibao.db.wire import Wire
from huibao.members.people import SQL


class Notice(msgspec.Struct, frozen=True):
    """What a person is told, and about which settlement or order, if about one."""

    person: int
    zh: str
    en: str
    settlement: int | None = None
    order: int | None = None


def write(wire: Wire, notices: Sequence[Notice], at: datetime) -> None:
    """Queues what people are to be told."""
    if notices:
        wire.ask(SQL["insert_notices"], {
            "at": at, "people": Int8s([n.person for n in notices]), "settlements": Int8s([n.settlement for n in notices]),
            "orders": Int8s([n.order for n in notices]),
            "zh": Texts([n.zh for n in notices]), "en": Texts([n.en for n in notices])})
