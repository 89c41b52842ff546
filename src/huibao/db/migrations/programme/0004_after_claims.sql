-- Why: what code that knows no claims would have broken, and what it would still have written.

-- Whoever decides an application has it no longer.
ALTER TABLE review ADD CONSTRAINT review_claim_open CHECK (claimed_by IS NULL OR state = 'open');

-- A guardianship is no mandate any more; one that was recorded stays in the record.
ALTER TABLE mandate DROP CONSTRAINT mandate_evidence_check;
ALTER TABLE mandate ADD CONSTRAINT mandate_evidence_check CHECK (evidence IN ('identity-check', 'signed-form', 'notarised')) NOT VALID;
