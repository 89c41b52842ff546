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

-- An order that somebody other than its buyer entered: a clerk at an outlet's counter on a document that was presented, or who acts
-- for the buyer, under a mandate or as a registered relative.
CREATE TABLE order_entry (
    order_id    bigint PRIMARY KEY,
    channel     text NOT NULL CHECK (channel IN ('counter', 'agent')),
    credential  bigint NOT NULL,
    person_id   bigint,                                 -- who entered it, where that is known here
    outlet      text,
    document    text CHECK (document IN ('signed-form', 'electronic-form', 'recording')),
    document_digest text,                               -- SM3, in hex, of the buyer's consent as presented
    mandate_id  bigint,
    relation    text,                                   -- the agent's to the buyer, where it is registered
    CHECK (channel <> 'counter' OR (outlet IS NOT NULL AND document IS NOT NULL AND document_digest IS NOT NULL)),
    CHECK (channel <> 'agent' OR (person_id IS NOT NULL AND (mandate_id IS NOT NULL OR relation IS NOT NULL)))
);

-- Who may act for whom, for what, from and to which day, on which evidence; it ends early by a date, never by being deleted.
CREATE TABLE mandate (
    id          bigint PRIMARY KEY,                     -- request.id
    at          timestamptz NOT NULL,
    principal_id bigint NOT NULL,
    agent_id    bigint NOT NULL,
    may         text[] NOT NULL CHECK (cardinality(may) > 0 AND may <@ ARRAY['order', 'pay']),
    valid_from  date NOT NULL,
    valid_to    date NOT NULL,
    evidence    text NOT NULL CHECK (evidence IN ('identity-check', 'signed-form', 'notarised', 'guardianship')),
    evidence_digest text NOT NULL,                      -- SM3, in hex, of what was presented; of a check, its own reference
    credential  bigint NOT NULL,
    revoked_at  timestamptz,
    revoked_by  bigint,
    CHECK (principal_id <> agent_id),
    CHECK (valid_from <= valid_to),
    CHECK ((revoked_at IS NULL) = (revoked_by IS NULL))
);
CREATE INDEX mandate_principal ON mandate (principal_id, agent_id);
CREATE INDEX mandate_agent ON mandate (agent_id);

-- An order under review: what was checked when it was taken up, until when somebody decides, and how it ended.
CREATE TABLE review (
    order_id    bigint PRIMARY KEY,
    since       timestamptz NOT NULL,
    entered_by  bigint NOT NULL,                        -- the order's credential: never among the reviewers
    reviewers   smallint NOT NULL CHECK (reviewers IN (1, 2)),
    checked     jsonb NOT NULL,                         -- [[check, position of the insured or 0 for the buyer, value], …]
    escalate_at timestamptz NOT NULL,
    void_at     timestamptz NOT NULL,
    void_because text NOT NULL CHECK (void_because IN ('time', 'missed-start')),
    escalated_at timestamptz,
    state       text NOT NULL CHECK (state IN ('open', 'approved', 'rejected', 'overdue', 'withdrawn')),
    ended_at    timestamptz,
    CHECK (since <= escalate_at AND escalate_at <= void_at),
    CHECK ((state = 'open') = (ended_at IS NULL)),
    CHECK (state <> 'overdue' OR escalated_at IS NOT NULL),
    UNIQUE (order_id, entered_by)
) WITH (fillfactor = 85);
CREATE INDEX review_open ON review (order_id) WHERE state = 'open';
CREATE INDEX review_due ON review (void_at) WHERE state = 'open';
CREATE INDEX review_escalates ON review (escalate_at) WHERE state = 'open' AND escalated_at IS NULL;

-- What each reviewer decided. Four eyes: nobody reviews what they entered, nobody twice.
CREATE TABLE review_vote (
    order_id    bigint NOT NULL,
    number      smallint NOT NULL CHECK (number IN (1, 2)),
    request_id  bigint NOT NULL UNIQUE,
    at          timestamptz NOT NULL,
    credential  bigint NOT NULL,
    person_id   bigint,                                 -- the reviewer, where that is known here
    entered_by  bigint NOT NULL,
    verdict     text NOT NULL CHECK (verdict IN ('approve', 'reject')),
    reason      text,
    checked     jsonb NOT NULL,                         -- the same checks, as they stood when it was decided
    PRIMARY KEY (order_id, number),
    UNIQUE (order_id, credential),
    UNIQUE (order_id, person_id),
    FOREIGN KEY (order_id, entered_by) REFERENCES review (order_id, entered_by),
    CHECK (credential <> entered_by),
    CHECK ((verdict = 'reject') = (reason IS NOT NULL))
);

ALTER TABLE notice ADD COLUMN order_id bigint;
CREATE INDEX notice_order ON notice (order_id) WHERE order_id IS NOT NULL;

GRANT SELECT, INSERT ON order_entry, mandate, review, review_vote TO huibao_service;
GRANT UPDATE (revoked_at, revoked_by) ON mandate TO huibao_service;
GRANT UPDATE (escalated_at, state, ended_at) ON review TO huibao_service;

-- ── remittance ──────────────────────────────────────────────────────────────────────────────────────────────────────

-- Where an insurer takes account money: numbers sealed under a key of the row's own. Two people of the agency and a call-back come
-- before a change, and a delay before it is in force; the latest in force holds, and a batch keeps the one that it was listed for.
CREATE TABLE receiving_account (
    id          bigint PRIMARY KEY,                     -- request.id
    at          timestamptz NOT NULL,
    insurer     text NOT NULL,
    bank        text NOT NULL,
    holder      text NOT NULL,                          -- the insurer's own firm name
    tail        text NOT NULL CHECK (tail ~ '^[0-9]{4}$'),              -- what views show of the number
    wrapped     bytea NOT NULL,
    number      bytea NOT NULL,
    phone       bytea NOT NULL,                         -- the number on file for call-backs, from when it is in force
    proposed_by bigint NOT NULL,                        -- credential
    state       text NOT NULL CHECK (state IN ('proposed', 'approved', 'refused')),
    decided_by  bigint CHECK (decided_by <> proposed_by),
    decided_at  timestamptz,
    effective_at timestamptz,
    CHECK ((state = 'proposed') = (decided_at IS NULL)),
    CHECK ((state = 'approved') = (effective_at IS NOT NULL)),
    CHECK (state <> 'approved' OR decided_by IS NOT NULL),
    CHECK (effective_at >= decided_at)
);
CREATE UNIQUE INDEX receiving_account_open ON receiving_account (insurer) WHERE state = 'proposed';
CREATE INDEX receiving_account_insurer ON receiving_account (insurer, effective_at) WHERE state = 'approved';

-- Who called the insurer about a proposed account, on which number on file, and what was answered.
CREATE TABLE receiving_call (
    id          bigint PRIMARY KEY,                     -- request.id
    at          timestamptz NOT NULL,
    account_id  bigint NOT NULL,
    number_of   bigint NOT NULL,                        -- the account with which the number that was called is on file
    called_by   bigint NOT NULL,                        -- credential
    answer      text NOT NULL CHECK (answer IN ('confirmed', 'denied', 'no-answer'))
);
CREATE INDEX receiving_call_account ON receiving_call (account_id);

-- A batch of account money of one product, out of its clearing account to the insurer's receiving account.
CREATE TABLE remittance (
    id          bigint PRIMARY KEY,                     -- request.id
    at          timestamptz NOT NULL,
    product     text NOT NULL,
    insurer     text NOT NULL,
    account_id  bigint NOT NULL,                        -- receiving_account: a change in flight leaves a batch alone
    until_at    timestamptz NOT NULL,                   -- the cut-off: what was captured before it
    count       integer NOT NULL CHECK (count >= 0),    -- none: every account that should pay was frozen or closed
    fen         bigint NOT NULL CHECK (fen >= 0),
    state       text NOT NULL CHECK (state IN ('listed', 'sent', 'answered')),
    answered_at timestamptz,
    confirmed_at timestamptz,                           -- the insurer says that it has what was paid
    confirmed_fen bigint,
    CHECK ((count = 0) = (fen = 0)),
    CHECK ((state = 'answered') = (answered_at IS NOT NULL)),
    CHECK ((confirmed_at IS NULL) = (confirmed_fen IS NULL))
);
CREATE INDEX remittance_open ON remittance (id) WHERE state <> 'answered';
CREATE INDEX remittance_product ON remittance (product, id);

-- What a batch lists: what is left in clearing of one movement of account money. A movement stands in one batch at a time.
CREATE TABLE remittance_line (
    remittance_id bigint NOT NULL,
    transfer_id bigint NOT NULL,                        -- the movement from the account into clearing
    order_id    bigint NOT NULL,
    position    smallint NOT NULL,
    account_id  bigint NOT NULL,
    fen         bigint NOT NULL CHECK (fen > 0),
    state       text NOT NULL CHECK (state IN ('listed', 'paid', 'failed')),
    counted     boolean NOT NULL,                       -- false: its account was not open, so it was never part of what is paid
    reason      text,                                   -- why it failed
    paid_at     timestamptz,                            -- since when it is with the insurer, and since when it is not any more: so
    failed_at   timestamptz,                            -- that any day can be asked for again
    PRIMARY KEY (remittance_id, transfer_id),
    CHECK ((state = 'failed') = (reason IS NOT NULL)),
    CHECK (counted OR state = 'failed')
);
CREATE UNIQUE INDEX remittance_line_one ON remittance_line (transfer_id) WHERE state <> 'failed';
CREATE INDEX remittance_line_policy ON remittance_line (order_id, position);

-- The days on which the schedule asked for a batch, and what came of it: each day of a product is done once.
CREATE TABLE remittance_run (
    product     text NOT NULL,
    due_on      date NOT NULL,
    at          timestamptz NOT NULL,
    outcome     text NOT NULL,                          -- 'listed', or why there is no batch
    remittance_id bigint,
    PRIMARY KEY (product, due_on),
    CHECK ((outcome = 'listed') = (remittance_id IS NOT NULL))
);

ALTER TABLE transfer ADD COLUMN remittance_id bigint;
CREATE INDEX transfer_remittance ON transfer (remittance_id) WHERE remittance_id IS NOT NULL;
-- A batch looks through what one clearing account ever took, and for what was reversed of it.
CREATE INDEX transfer_clearing ON transfer (credit_id, id) WHERE kind = 'premium-account';
CREATE INDEX transfer_reversed ON transfer (order_id, position) WHERE kind = 'refund-reversed';

GRANT SELECT, INSERT ON receiving_account, receiving_call, remittance, remittance_line, remittance_run TO huibao_service;
GRANT UPDATE (state, decided_by, decided_at, effective_at) ON receiving_account TO huibao_service;
GRANT UPDATE (state, answered_at, confirmed_at, confirmed_fen) ON remittance TO huibao_service;
GRANT UPDATE (state, reason, paid_at, failed_at) ON remittance_line TO huibao_service;

-- ── endorsements ────────────────────────────────────────────────────────────────────────────────────────────────────

-- A change of what was agreed or is known: of a person's details, of who an order that waits is for, or of a fact that benefits rest
-- on. What was and what is to be is sealed with the reason. What needs two pairs of eyes is done by another than asked, and not by
-- whom it is about.
CREATE TABLE endorsement (
    id          bigint PRIMARY KEY,                     -- request.id; of an order's change that of the order in its place
    at          timestamptz NOT NULL,
    kind        text NOT NULL CHECK (kind IN (
        'name', 'phone', 'identity', 'bank-account', 'insured-added', 'insured-removed', 'correction')),
    person_id   bigint NOT NULL,                        -- whose details or facts; of an order the policyholder
    order_id    bigint,                                 -- the order that another stands in the place of
    settlement_id bigint,                               -- of one visit alone
    fact        text,
    effective_on date NOT NULL,
    until_on    date,
    identity_index bytea,                               -- whom the number belongs to is looked for before it is taken
    asked_by    bigint NOT NULL,                        -- credential
    asker_id    bigint,                                 -- the person whose credential it is, where it is a person's own
    answered_by bigint,
    answerer_id bigint,
    sealed      bytea NOT NULL,
    state       text NOT NULL CHECK (state IN ('proposed', 'done', 'rejected', 'expired')),
    expires_at  timestamptz,
    ended_at    timestamptz,
    ended_by    bigint,                                 -- request.id of what ended it: its answer, or itself
    CHECK ((kind = 'correction') = (fact IS NOT NULL)),
    CHECK ((kind IN ('insured-added', 'insured-removed')) = (order_id IS NOT NULL)),
    CHECK ((kind = 'identity') = (identity_index IS NOT NULL)),
    CHECK (until_on IS NULL OR effective_on <= until_on),
    CHECK ((state = 'proposed') = (ended_at IS NULL) AND (ended_at IS NULL) = (ended_by IS NULL)),
    CHECK (state <> 'proposed' OR expires_at IS NOT NULL),
    CONSTRAINT endorsement_four_eyes CHECK (state <> 'done' OR kind IN ('phone', 'insured-added', 'insured-removed') OR (
        answered_by IS NOT NULL AND answered_by <> asked_by AND answerer_id IS DISTINCT FROM person_id
        AND (answerer_id IS NULL OR answerer_id IS DISTINCT FROM asker_id)))
);
CREATE INDEX endorsement_person ON endorsement (person_id, id);
CREATE INDEX endorsement_order ON endorsement (order_id) WHERE order_id IS NOT NULL;
CREATE INDEX endorsement_waiting ON endorsement (expires_at) WHERE state = 'proposed';

-- What a correction changed of what is due for a settlement.
CREATE TABLE endorsement_effect (
    endorsement_id bigint NOT NULL,
    settlement_id bigint NOT NULL,
    order_id    bigint NOT NULL,
    position    smallint NOT NULL,
    before_fen  bigint NOT NULL CHECK (before_fen >= 0),
    after_fen   bigint NOT NULL CHECK (after_fen >= 0),
    PRIMARY KEY (endorsement_id, settlement_id, order_id, position)
);
CREATE INDEX endorsement_effect_settlement ON endorsement_effect (settlement_id);

GRANT SELECT, INSERT ON endorsement, endorsement_effect TO huibao_service;
GRANT UPDATE (state, answered_by, answerer_id, ended_at, ended_by) ON endorsement TO huibao_service;
GRANT UPDATE (born, identity_index, identity_sealed, name_index, name_sealed) ON person TO huibao_service;

-- ── sponsored groups ────────────────────────────────────────────────────────────────────────────────────────────────

-- Who pays for others. Its money is the account of kind 'sponsor' whose party is its name.
CREATE TABLE sponsor (
    id          bigint PRIMARY KEY,                     -- request.id
    name        text NOT NULL UNIQUE,
    kind        text NOT NULL CHECK (kind IN ('subsidy', 'charity', 'donation', 'employer')),
    at          timestamptz NOT NULL,
    credential  bigint NOT NULL
);

-- Money that came from a sponsor, under the bank's own reference: each once.
CREATE TABLE sponsor_payment (
    sponsor_id  bigint NOT NULL REFERENCES sponsor,
    reference   text NOT NULL,
    fen         bigint NOT NULL CHECK (fen > 0),
    at          timestamptz NOT NULL,
    PRIMARY KEY (sponsor_id, reference)
);

-- How far a sponsor may spend ahead of its money, where it was agreed that it pays afterwards.
ALTER TABLE account ADD COLUMN credit_limit_fen bigint NOT NULL DEFAULT 0 CHECK (credit_limit_fen >= 0);
ALTER TABLE account ADD CONSTRAINT account_credit CHECK (credit_limit_fen = 0 OR kind = 'sponsor');
ALTER TABLE account DROP CONSTRAINT account_check;
ALTER TABLE account ADD CONSTRAINT account_check CHECK (overdraft OR debit_fen + held_fen <= credit_fen + credit_limit_fen);

-- A file of people whose premium a sponsor pays. The file itself is not kept: each line became a person or a reason when it was read.
CREATE SEQUENCE roster_id;
CREATE TABLE roster_upload (                            -- lines of an upload that was cut short are cleared away a day later
    id          bigint PRIMARY KEY,
    at          timestamptz NOT NULL
);
CREATE TABLE roster (
    id          bigint PRIMARY KEY,                     -- roster_upload.id
    request_id  bigint NOT NULL UNIQUE,
    at          timestamptz NOT NULL,
    sponsor_id  bigint NOT NULL REFERENCES sponsor,
    product     text NOT NULL,
    digest      bytea NOT NULL,                         -- SM3 of the file's bytes
    lines       integer NOT NULL CHECK (lines > 0),
    state       text NOT NULL CHECK (state IN ('checking', 'checked', 'running', 'paused', 'cancelled', 'done')),
    credential  bigint NOT NULL,
    report      jsonb,                                  -- what the check found
    confirmed_by bigint,
    confirmed_at timestamptz,
    why         text,                                   -- of a pause that nobody asked for
    ended_at    timestamptz,
    CHECK (confirmed_by <> credential),
    CHECK ((confirmed_by IS NULL) = (confirmed_at IS NULL)),
    CHECK ((ended_at IS NOT NULL) = (state IN ('cancelled', 'done')))
);
CREATE UNIQUE INDEX roster_same ON roster (sponsor_id, product, digest) WHERE state <> 'cancelled';
CREATE INDEX roster_open ON roster (id) WHERE state IN ('checking', 'running');

-- What is checked, and run, at a time: a stretch of lines.
CREATE TABLE roster_part (
    roster_id   bigint NOT NULL,
    number      integer NOT NULL,
    first_line  integer NOT NULL,
    last_line   integer NOT NULL,
    state       text NOT NULL CHECK (state IN ('new', 'checked', 'done')),
    accepted    integer NOT NULL DEFAULT 0,             -- what the check expects
    premium_fen bigint NOT NULL DEFAULT 0,
    categories  jsonb,                                  -- by hardship: how many, and their premium
    enrolled    integer NOT NULL DEFAULT 0,             -- what became of it
    charged_fen bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (roster_id, number),
    CHECK (first_line <= last_line)
);
CREATE INDEX roster_part_open ON roster_part (roster_id, number) WHERE state <> 'done';

-- A line of a roster: who it is and what it claims, or why it was rejected; in the end its order, or why there is none.
CREATE TABLE roster_line (
    roster_id   bigint NOT NULL,
    line        integer NOT NULL,                       -- in the file; its header is line 1
    person_id   bigint,                                 -- none: rejected when it was read
    category    text,                                   -- the hardship that the file claims
    tier        text,
    refused     text,                                   -- a code
    clause      text,
    zh          text,
    en          text,
    tries       smallint NOT NULL DEFAULT 1,
    premium_fen bigint,
    order_id    bigint,
    PRIMARY KEY (roster_id, line),
    CHECK (person_id IS NOT NULL OR refused IS NOT NULL),
    CHECK (refused IS NULL OR order_id IS NULL),
    CHECK ((order_id IS NULL) = (premium_fen IS NULL))
) WITH (fillfactor = 60);
CREATE INDEX roster_line_person ON roster_line (person_id, roster_id) WHERE person_id IS NOT NULL;

GRANT SELECT, INSERT ON sponsor, sponsor_payment, roster_upload, roster, roster_part, roster_line TO huibao_service;
GRANT USAGE ON SEQUENCE roster_id TO huibao_service;
GRANT UPDATE (state, report, confirmed_by, confirmed_at, why, ended_at) ON roster TO huibao_service;
GRANT UPDATE (state, accepted, premium_fen, categories, enrolled, charged_fen) ON roster_part TO huibao_service;
GRANT UPDATE (refused, clause, zh, en, tries, premium_fen, order_id) ON roster_line TO huibao_service;
GRANT DELETE ON roster_upload, roster_line TO huibao_service;
GRANT UPDATE (credit_limit_fen) ON account TO huibao_service;

-- ── accounts that another system keeps ──────────────────────────────────────────────────────────────────────────────

-- ── renewal ─────────────────────────────────────────────────────────────────────────────────────────────────────────

-- What the next year of an expiring policy would be, as its buyer is asked; nobody is charged for it. `offer_id` is the wording and
-- `premium_fen` the premium that were quoted, `remind_on` when the buyer is asked again, `bought` the order that confirmed it,
-- `why` a code that says why there is nothing to confirm.
CREATE TABLE renewal (
    order_id    bigint NOT NULL,
    position    smallint NOT NULL,
    at          timestamptz NOT NULL,
    buyer_id    bigint NOT NULL,
    insured_id  bigint NOT NULL,
    product     text NOT NULL,
    offer_id    integer NOT NULL,
    tier        text,
    premium_fen bigint NOT NULL CHECK (premium_fen >= 0),
    ends_on     date NOT NULL,
    state       text NOT NULL CHECK (state IN ('open', 'confirmed', 'declined', 'lapsed')),
    remind_on   date,
    bought      bigint,
    why         text,
    ended_at    timestamptz,
    PRIMARY KEY (order_id, position),
    CHECK ((state = 'confirmed') = (bought IS NOT NULL)),
    CHECK ((state = 'lapsed') = (why IS NOT NULL)),
    CHECK ((state = 'open') = (ended_at IS NULL)),
    CHECK (remind_on IS NULL OR state = 'open')
);
CREATE INDEX renewal_buyer ON renewal (buyer_id);
CREATE INDEX renewal_remind ON renewal (remind_on) WHERE remind_on IS NOT NULL;

GRANT SELECT, INSERT ON renewal TO huibao_service;
GRANT UPDATE (state, remind_on, bought, why, ended_at) ON renewal TO huibao_service;

-- ── cases ───────────────────────────────────────────────────────────────────────────────────────────────────────────

ALTER TABLE open_case DROP CONSTRAINT open_case_kind_check;
ALTER TABLE open_case ADD CONSTRAINT open_case_kind_check CHECK (kind IN (
    'less-due', 'preexisting', 'reversal-parked', 'reconciliation', 'payout-returned',
    'remittance', 'refund', 'endorsement', 'accounts', 'review'));

-- What a case of a remittance is about: a batch, or one movement of it.
ALTER TABLE open_case ADD COLUMN remittance_id bigint;
ALTER TABLE open_case ADD COLUMN transfer_id bigint;
CREATE INDEX open_case_remittance ON open_case (remittance_id) WHERE remittance_id IS NOT NULL;
CREATE INDEX open_case_transfer ON open_case (transfer_id, id) WHERE transfer_id IS NOT NULL;
