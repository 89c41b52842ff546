"""A simulated identity service: everybody passes, but for the proofs `fail` and `unknown`."""

from typing import Final, Literal

import msgspec

from huibao.core.chain import sm3
from huibao.gateways.identity import METHODS, Proof, Verdict
from huibao.gateways.simulators.model import Said, Simulator, no

_VERDICTS: Final[dict[str, Literal["failed", "unknown"]]] = {"fail": "failed", "unknown": "unknown"}


class IdentitySimulator(Simulator):
    """The service. The same proof is the same check, under the same reference."""

    async def answer(self, method: str, path: str, body: bytes) -> Said:
        if (method, path) != ("POST", "/checks"):
            return no(404, "path.unknown")
        proof = msgspec.json.decode(body, type=Proof)
        if proof.method not in METHODS:
            return no(422, "method.unknown")
        reference = f"{proof.method}-{sm3(body).hex()[:16]}"
        return Said(200, Verdict(_VERDICTS.get(proof.proof, "passed"), reference, self.clock.now()))
