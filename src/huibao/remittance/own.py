"""Commands that no person sends: each with the one key under which it can have its effect."""

from datetime import date

from huibao.record.model import NOBODY, OURSELVES, Request
from huibao.remittance.model import BankPaid, BankReturned, Make, Sent
from huibao.remittance.schedule import start_of


def due(product: str, day: date) -> Request[Make]:
    """The batch that the schedule asks for on a day: whatever was captured before it."""
    body = f"{product} {day}".encode()
    return Request(OURSELVES, "remittance", f"remittance-due:{product}:{day}", body, Make(NOBODY, product, start_of(day), day))


def sent(remittance: int) -> Request[Sent]:
    """A batch is told to the bank."""
    return Request(OURSELVES, "remittance-sent", f"remittance-sent:{remittance}", b"%d" % remittance, Sent(NOBODY, remittance))


def paid(remittance: int, fen: int, waiting_fen: int) -> Request[BankPaid]:
    """The bank paid `fen`, at a time when so much was not answered: what a file said in between makes it another message."""
    body = b"%d %d %d" % (remittance, fen, waiting_fen)
    return Request(OURSELVES, "remittance-paid", f"remittance-paid:{remittance}:{fen}:{waiting_fen}", body,
                   BankPaid(NOBODY, remittance, fen))


def returned(remittance: int) -> Request[BankReturned]:
    """All of it came back."""
    return Request(OURSELVES, "remittance-returned", f"remittance-returned:{remittance}", b"%d" % remittance,
                   BankReturned(NOBODY, remittance))
