-- Why: what happens around a purchase: policies that end early and the money that goes back, the agency's review, remittance of
-- account money to insurers, groups that somebody sponsors, accounts that another system keeps, renewal.
--
-- As before: no default reads a clock, no key leads to another schema, and the service adds to the record and cannot change it.

-- ── policies that end early, and money that goes back ───────────────────────────────────────────────────────────────

-- A policy that was surrendered covers its days before `ended_on`: none where that is its first day.
ALTER TABLE policy ADD COLUMN ended_on date;
ALTER TABLE policy DROP CONSTRAINT policy_state_check;
ALTER TABLE policy ADD CONSTRAINT policy_state_check CHECK (state IN ('pending', 'in-force', 'surrendered', 'void'));
ALTER TABLE policy DROP CONSTRAINT policy_check1;
ALTER TABLE policy ADD CONSTRAINT policy_check1 CHECK (
    (state IN ('in-force', 'surrendered')) <= (period_from IS NOT NULL AND period_from <= period_to));
ALTER TABLE policy ADD CONSTRAINT policy_ended CHECK ((state = 'surrendered') = (ended_on IS NOT NULL));
DROP INDEX policy_one;
CREATE UNIQUE INDEX policy_one ON policy (insured_id, product) WHERE state NOT IN ('surrendered', 'void');

-- What one source of a policy's premium gets back, the way it came. Of account money that waits in clearing the agency takes back
-- its own at once ("done"); what a batch has listed is decided when that is answered ("waiting"); what the insurer has, it owes
-- ("owed") until it arrived; cash and sponsors' money is "sent" to its channel first.
CREATE TABLE refund (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request_id  bigint NOT NULL,                        -- the command that it came of
    at          timestamptz NOT NULL,
    order_id    bigint NOT NULL,
    position    smallint NOT NULL,
    source      text NOT NULL CHECK (source IN ('personal', 'savings', 'cash', 'sponsor')),
    fen         bigint NOT NULL CHECK (fen > 0),
    state       text NOT NULL CHECK (state IN ('waiting', 'owed', 'sent', 'done')),
    limit_year  smallint,                               -- the limit year that it was given back to
    ended_at    timestamptz,
    CHECK ((ended_at IS NOT NULL) = (state = 'done')),
    CHECK (limit_year IS NULL OR source IN ('personal', 'savings'))
);
CREATE INDEX refund_policy ON refund (order_id, position);
CREATE INDEX refund_open ON refund (id) WHERE state <> 'done';

ALTER TABLE transfer ADD COLUMN refund_id bigint;
CREATE INDEX transfer_refund ON transfer (refund_id) WHERE refund_id IS NOT NULL;

GRANT SELECT, INSERT ON refund TO huibao_service;
GRANT UPDATE (state, ended_at) ON refund TO huibao_service;
GRANT UPDATE (ended_on, facts) ON policy TO huibao_service;

-- ── review ──────────────────────────────────────────────────────────────────────────────────────────────────────────

-- ── remittance ──────────────────────────────────────────────────────────────────────────────────────────────────────

-- A batch of account money of one product, out of its clearing account to the insurer's receiving account.
CREATE TABLE remittance (
    id          bigint PRIMARY KEY,                     -- request.id
    at          timestamptz NOT NULL,
    product     text NOT NULL,
    insurer     text NOT NULL,
    count       integer NOT NULL CHECK (count > 0),
    fen         bigint NOT NULL CHECK (fen > 0),
    state       text NOT NULL CHECK (state IN ('listed', 'sent', 'answered'))
);

-- What a batch lists: what is left in clearing of one movement of account money. A movement stands in one batch at a time.
CREATE TABLE remittance_line (
    remittance_id bigint NOT NULL,
    transfer_id bigint NOT NULL,                        -- the movement from the account into clearing
    order_id    bigint NOT NULL,
    position    smallint NOT NULL,
    account_id  bigint NOT NULL,
    fen         bigint NOT NULL CHECK (fen > 0),
    state       text NOT NULL CHECK (state IN ('listed', 'paid', 'failed')),
    PRIMARY KEY (remittance_id, transfer_id)
);
CREATE UNIQUE INDEX remittance_line_one ON remittance_line (transfer_id) WHERE state <> 'failed';
CREATE INDEX remittance_line_policy ON remittance_line (order_id, position);

ALTER TABLE transfer ADD COLUMN remittance_id bigint;
CREATE INDEX transfer_remittance ON transfer (remittance_id) WHERE remittance_id IS NOT NULL;

GRANT SELECT, INSERT ON remittance, remittance_line TO huibao_service;
GRANT UPDATE (state) ON remittance, remittance_line TO huibao_service;

-- ── endorsements ────────────────────────────────────────────────────────────────────────────────────────────────────

-- ── sponsored groups ────────────────────────────────────────────────────────────────────────────────────────────────

-- ── accounts that another system keeps ──────────────────────────────────────────────────────────────────────────────

-- ── renewal ─────────────────────────────────────────────────────────────────────────────────────────────────────────

-- ── cases ───────────────────────────────────────────────────────────────────────────────────────────────────────────

ALTER TABLE open_case DROP CONSTRAINT open_case_kind_check;
ALTER TABLE open_case ADD CONSTRAINT open_case_kind_check CHECK (kind IN (
    'less-due', 'preexisting', 'reversal-parked', 'reconciliation', 'payout-returned',
    'remittance', 'refund', 'endorsement', 'accounts'));
