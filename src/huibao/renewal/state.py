"""What a batch of proposals is decided on, and what it did. There are no books here: nothing of this can move or set aside money."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from huibao.catalogue.model import Offer, Programme, Shelf
from huibao.enrolment.continuity import Earlier
from huibao.members.model import Member
from huibao.renewal.model import Expiring, Key, Renewal


@dataclass(slots=True)
class State:
    """Expiring policies, proposals and their people; `asked` are those whose buyers are to be told, by what the message is about."""

    programme: Programme
    shelf: Shelf
    on: date
    people: Mapping[int, Member]
    held: Mapping[int, Sequence[Earlier]]
    policies: Mapping[Key, Expiring]
    renewals: dict[Key, Renewal]
    new: list[Renewal] = field(default_factory=list)
    moved: dict[Key, Renewal] = field(default_factory=dict)
    asked: defaultdict[tuple[int, str, date], list[Renewal]] = field(default_factory=lambda: defaultdict(list))

    def successor(self, product: str) -> Offer | None:
        """The next year of a product that sells now; the first by its id, should two renew it."""
        return successor(self.shelf, product, self.on)

    def ask(self, renewal: Renewal) -> None:
        """Its buyer is told, in one message with others of the same product and day."""
        self.asked[renewal.buyer, renewal.product, renewal.ends_on].append(renewal)


def successor(shelf: Shelf, product: str, on: date) -> Offer | None:
    """The next year of a product that sells on a day."""
    return next((offer for _, offer in sorted(shelf.offers.items()) if offer.plan.renews == product and offer.sells(on)
                 and offer.cover_from(on) <= offer.plan.valid_to), None)
