"""A simulated insurer's system: keeps each message once, and declines what it should."""

from collections.abc import Collection

import msgspec

from huibao.core.chain import sm3
from huibao.core.clock import Clock
from huibao.gateways.insurers import Envelope, Message, PolicyMessage, Receipt
from huibao.gateways.simulators.model import Said, Simulator, no


class InsurerSimulator(Simulator):
    """The system of an insurer of these products.

    `kept` has its messages by test, programme and sequence number, in the order in which they first came; `came` the
    sequence numbers of every envelope that was no test, repetitions too.
    """

    def __init__(self, clock: Clock, secret: bytes, products: Collection[str]) -> None:
        super().__init__(clock, secret)
        self._products = products
        self.kept: dict[tuple[str | None, str, int], Message] = {}
        self.came: list[tuple[int, ...]] = []

    def policies(self, programme: str) -> dict[str, PolicyMessage]:
        """The policies of a programme by number, each as it was last told of."""
        told = {seq: message for (test, code, seq), message in self.kept.items() if test is None and code == programme}
        return {policy.number: policy for seq in sorted(told) for policy in told[seq].policies}

    async def answer(self, method: str, path: str, body: bytes) -> Said:
        if (method, path) != ("POST", "/messages"):
            return no(404, "path.unknown")
        envelope = msgspec.json.decode(body, type=Envelope)
        found = {(envelope.test, envelope.programme, message.seq): message for message in envelope.messages}
        if declined := self._declined(found):
            return declined
        self.kept |= found
        if envelope.test is None:
            self.came.append(tuple(message.seq for message in envelope.messages))
        return Said(200, Receipt(sm3(b"" if self.faults.strikes("wrong-digest") else body).hex()))

    def _declined(self, found: dict[tuple[str | None, str, int], Message]) -> Said | None:
        if any(message.product not in self._products for message in found.values()) and not self.faults.strikes("any-product"):
            return no(422, "product.unknown")
        before = {key: self.kept[key] for key in found if key in self.kept}
        if any(message != found[key] for key, message in before.items()) and not self.faults.strikes("forgetful"):
            return no(409, "seq.used")
        return no(409, "seq.known") if before and self.faults.strikes("stubborn") else None
