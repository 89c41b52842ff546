"""惠保 (huibao): the platform a Chinese city runs its supplementary commercial health insurance on."""

#: Version of the benefit arithmetic. A policy stores the one it was sold under, beside the hash of its
#: plan's text; it changes only when the same plan and the same history would give another fen.
ENGINE = "1"
