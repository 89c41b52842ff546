-- Why: settlement at the discharge desk: hospitals, what policies froze at their start, settlements and their payments, what
-- is owed for them and to whom, and what waits for a person to decide.
--
-- As in the ground: no default reads a clock, no key leads to another schema, and the service adds to the record and
-- cannot change it. Who is paid for which drug stands nowhere but under the person's seal.

-- ── what is known of people and hospitals ───────────────────────────────────────────────────────────────────────────

-- What a policy is, for the arithmetic, as it was when it was decided: age, insurance, hardship, tier, family.
ALTER TABLE policy ADD COLUMN facts jsonb;
UPDATE policy p SET facts = jsonb_strip_nulls(jsonb_build_object(
    'age', date_part('year', age(COALESCE(p.period_from, (o.at AT TIME ZONE 'Asia/Shanghai')::date), n.born)),
    'insutype', COALESCE((SELECT e.insurance FROM enrolment e
                          WHERE e.person_id = n.id AND e.known_to IS NULL AND e.valid_from <= (o.at AT TIME ZONE 'Asia/Shanghai')::date
                          ORDER BY e.status <> '1', e.insurance LIMIT 1), ''),
    'hardship', COALESCE((SELECT s.value FROM standing s
                          WHERE s.person_id = n.id AND s.kind = 'hardship' AND s.known_to IS NULL
                            AND s.valid_from <= (o.at AT TIME ZONE 'Asia/Shanghai')::date ORDER BY s.value LIMIT 1), 'none'),
    'family_members', (SELECT count(*) FROM policy f WHERE f.order_id = p.order_id),
    'tier', p.tier))
FROM orders o, person n WHERE o.id = p.order_id AND n.id = p.insured_id;

-- Away from home: registered with the agency, or referred, while the row is valid.
ALTER TABLE standing DROP CONSTRAINT standing_kind_check;
ALTER TABLE standing ADD CONSTRAINT standing_kind_check CHECK (kind IN ('hardship', 'chronic-benefit', 'away'));

CREATE TABLE hospital (
    id              text PRIMARY KEY,                   -- fixmedins_code
    name            text NOT NULL,
    area            text NOT NULL,                      -- fixmedins_poolarea: its pooling area
    grade           smallint NOT NULL CHECK (grade BETWEEN 1 AND 3),
    designated_from date,                               -- none: no designated hospital of this programme
    designated_to   date,
    desk            boolean NOT NULL,                   -- deducts at its desk; else its settlements come by the agency's feed
    CHECK (designated_to IS NULL OR designated_from <= designated_to)
);

-- Diagnoses before the policy, as somebody looked them up: sealed codes, or that there are none. No row: nobody looked.
CREATE TABLE look_back (
    person_id       bigint NOT NULL REFERENCES person,
    sealed          bytea NOT NULL,
    known_from      timestamptz NOT NULL,
    known_to        timestamptz,
    PRIMARY KEY (person_id, known_from)
);

-- What a person agreed to, until withdrawn.
CREATE TABLE agreement (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person_id       bigint NOT NULL REFERENCES person,
    kind            text NOT NULL CHECK (kind IN ('pay-without-application')),
    given_at        timestamptz NOT NULL,
    ended_at        timestamptz,
    credential      bigint NOT NULL
);
CREATE UNIQUE INDEX agreement_now ON agreement (person_id, kind) WHERE ended_at IS NULL;

-- Where claims are paid to: the account's number, sealed.
CREATE TABLE bank_account (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person_id       bigint NOT NULL REFERENCES person,
    sealed          bytea NOT NULL,
    known_from      timestamptz NOT NULL,
    known_to        timestamptz
);
CREATE UNIQUE INDEX bank_account_now ON bank_account (person_id) WHERE known_to IS NULL;

-- ── settlements ─────────────────────────────────────────────────────────────────────────────────────────────────────

-- One settlement of basic insurance as it was taken up. The message is the evidence of its event, sealed; its acceptance
-- sequence is the event's. The same number with another person, visit or amount is refused.
CREATE TABLE settlement (
    id          bigint PRIMARY KEY,                     -- request.id
    setl_id     text NOT NULL UNIQUE,
    person_id   bigint NOT NULL,
    hospital    text NOT NULL,
    mdtrt_id    text NOT NULL,                          -- visit: interim settlements of one stay have the same
    way         text NOT NULL CHECK (way IN ('desk', 'file', 'feed')),
    at          timestamptz NOT NULL,
    settled_on  date NOT NULL,                          -- by basic insurance
    admitted_on date,
    medfee_fen  bigint NOT NULL CHECK (medfee_fen >= 0),
    person_fen  bigint NOT NULL CHECK (person_fen >= 0),
    pay_fen     bigint NOT NULL CHECK (pay_fen >= 0 AND pay_fen <= person_fen),
    payee       text NOT NULL CHECK (payee IN ('hospital', 'person')),
    state       text NOT NULL CHECK (state IN ('offered', 'confirmed', 'void', 'reversed')),
    deadline    timestamptz,                            -- offered: when the hospital is asked what it did
    adjust_at   timestamptz,                            -- taken back: when what came after it is put right
    judged      bytea,                                  -- sealed: what was decided later about a provisional one
    CHECK ((deadline IS NOT NULL) <= (state = 'offered')),
    CHECK ((adjust_at IS NOT NULL) <= (state IN ('void', 'reversed')))
) WITH (fillfactor = 85);
CREATE INDEX settlement_person ON settlement (person_id, id);
CREATE INDEX settlement_hospital ON settlement (hospital, settled_on);
CREATE INDEX settlement_waiting ON settlement (deadline) WHERE deadline IS NOT NULL;
CREATE INDEX settlement_adjusting ON settlement (adjust_at) WHERE adjust_at IS NOT NULL;

-- What one policy pays of a settlement. `figures` has base, deductible, covered, payable and pay of each benefit as
-- decided, `targets` what each benefit would pay now; what was posted beyond its target is somebody's case.
CREATE TABLE payment (
    settlement_id bigint NOT NULL,
    order_id    bigint NOT NULL,
    position    smallint NOT NULL,
    product     text NOT NULL,
    share       smallint NOT NULL,                      -- pool_share.version at the policy's inception
    pay_fen     bigint NOT NULL CHECK (pay_fen >= 0),
    posted_fen  bigint NOT NULL CHECK (posted_fen >= 0),
    target_fen  bigint NOT NULL CHECK (target_fen >= 0),
    figures     bigint[] NOT NULL,
    targets     bigint[] NOT NULL,
    PRIMARY KEY (settlement_id, order_id, position)
) WITH (fillfactor = 85);
CREATE INDEX payment_policy ON payment (order_id, position);

-- What a policy (or a household's policies of one product) has used of deductibles, bands, limits and caps:
-- [[what it counts, its place in the plan, psn_no, visit or keyed digest of an item, fen], …].
CREATE TABLE accumulator (
    product     text NOT NULL,
    whose       bigint NOT NULL,                        -- the insured; the policyholder where a household shares
    used        jsonb NOT NULL,
    PRIMARY KEY (whose, product)
) WITH (fillfactor = 50);

-- A message that takes a settlement back; one whose original is not known is parked, and shown. `met`: the original came after
-- it, and was not taken up.
CREATE TABLE reversal (
    id          bigint PRIMARY KEY,                     -- request.id
    setl_id     text NOT NULL UNIQUE,
    reverses    text NOT NULL,
    hospital    text NOT NULL,
    at          timestamptz NOT NULL,
    settlement_id bigint UNIQUE,
    state       text NOT NULL CHECK (state IN ('done', 'parked', 'met')),
    CHECK ((state = 'done') = (settlement_id IS NOT NULL))
);
CREATE INDEX reversal_early ON reversal (reverses) WHERE state <> 'done';

-- What a person has to decide or look into; `cause` is a code of the interface, `fen` what it is about.
CREATE TABLE open_case (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('less-due', 'preexisting', 'reversal-parked', 'reconciliation', 'payout-returned')),
    cause       text NOT NULL,
    settlement_id bigint,
    setl_id     text,
    order_id    bigint,
    position    smallint,
    hospital    text,
    product     text,
    payout_id   bigint,
    on_day      date,
    fen         bigint NOT NULL,
    due_on      date,
    closed_at   timestamptz,
    outcome     text,
    CHECK ((closed_at IS NULL) = (outcome IS NULL))
);
CREATE INDEX open_case_open ON open_case (kind, id) WHERE closed_at IS NULL;
CREATE INDEX open_case_setl ON open_case (setl_id) WHERE closed_at IS NULL AND setl_id IS NOT NULL;
CREATE INDEX open_case_payout ON open_case (payout_id) WHERE payout_id IS NOT NULL;
CREATE INDEX open_case_settlement ON open_case (settlement_id) WHERE settlement_id IS NOT NULL;

CREATE TABLE notice (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz NOT NULL,
    person_id   bigint NOT NULL,
    settlement_id bigint,
    zh          text NOT NULL,
    en          text NOT NULL,
    sent_at     timestamptz,
    declined    boolean NOT NULL DEFAULT false          -- the channel does not take the number
);
CREATE INDEX notice_person ON notice (person_id, id);
CREATE INDEX notice_waiting ON notice (id) WHERE sent_at IS NULL AND NOT declined;

-- What is sealed is packed already and cannot be compressed again: not to try saves more than a page ever would.
ALTER TABLE event ALTER COLUMN sealed SET STORAGE EXTERNAL;
ALTER TABLE event SET (toast_tuple_target = 8160);

-- ── what is owed for them ───────────────────────────────────────────────────────────────────────────────────────────

ALTER TABLE account DROP CONSTRAINT account_check2;
ALTER TABLE account ADD CONSTRAINT account_check2 CHECK (
    (kind IN ('clearing', 'income', 'payout', 'claims', 'hospital', 'claimant', 'insurer')) = (product IS NOT NULL));
CREATE INDEX account_party ON account (party, kind) WHERE party IS NOT NULL;

-- Products that are there already get what products loaded from now on are made with.
INSERT INTO account (kind, product, party, overdraft)
SELECT k.kind, p.id, p.lead, k.kind <> 'claims' FROM product p, (VALUES ('claims'), ('claimant')) AS k (kind)
ON CONFLICT DO NOTHING;
INSERT INTO account (kind, product, party, overdraft) SELECT DISTINCT 'insurer', product, insurer, true FROM pool_share
ON CONFLICT DO NOTHING;

ALTER TABLE transfer ADD COLUMN settlement_id bigint;
ALTER TABLE transfer ADD COLUMN payout_id bigint;
ALTER TABLE transfer ADD COLUMN recovery_id bigint;
CREATE INDEX transfer_settlement ON transfer (settlement_id) WHERE settlement_id IS NOT NULL;

-- What a product's lead owes a hospital for what it deducted, as the two agree on it; paid as a whole.
CREATE TABLE statement (
    id          bigint PRIMARY KEY,                     -- request.id
    at          timestamptz NOT NULL,
    hospital    text NOT NULL,
    product     text NOT NULL,
    upto        date NOT NULL,
    fen         bigint NOT NULL CHECK (fen > 0),
    setoff_fen  bigint NOT NULL CHECK (setoff_fen BETWEEN 0 AND fen),   -- against what was paid ahead
    state       text NOT NULL CHECK (state IN ('proposed', 'agreed', 'disputed', 'paid')),
    answered_at timestamptz
);
CREATE INDEX statement_hospital ON statement (hospital, id);

CREATE TABLE statement_line (
    transfer_id bigint PRIMARY KEY,
    statement_id bigint NOT NULL
);
CREATE INDEX statement_line_statement ON statement_line (statement_id);

-- Money that leaves a payout account, to a hospital by a statement, to a person for a settlement.
CREATE TABLE payout (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz NOT NULL,
    product     text NOT NULL,
    hospital    text,
    statement_id bigint UNIQUE,
    person_id   bigint,
    settlement_id bigint,
    fen         bigint NOT NULL CHECK (fen > 0),
    due_on      date NOT NULL,
    tries       smallint NOT NULL DEFAULT 1,            -- one that came back may be tried again, under another reference
    -- sent: the bank was told, so that it cannot be taken back here any more
    state       text NOT NULL CHECK (state IN ('due', 'sent', 'paid', 'returned', 'cancelled')),
    ended_at    timestamptz,
    CHECK ((hospital IS NULL) <> (person_id IS NULL)),  -- a hospital's without a statement is paid ahead
    CHECK ((person_id IS NULL) = (settlement_id IS NULL))
);
CREATE INDEX payout_due ON payout (id) WHERE state IN ('due', 'sent');
CREATE INDEX payout_settlement ON payout (settlement_id) WHERE settlement_id IS NOT NULL;

-- A co-insurer's part of claims, called in by the lead, who advanced it.
CREATE TABLE recovery (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz NOT NULL,
    product     text NOT NULL,
    version     smallint NOT NULL,
    insurer     text NOT NULL,
    fen         bigint NOT NULL CHECK (fen > 0),
    state       text NOT NULL CHECK (state IN ('called', 'received')),
    ended_at    timestamptz
);
CREATE INDEX recovery_called ON recovery (id) WHERE state = 'called';
CREATE INDEX recovery_product ON recovery (product, version, insurer);

-- A hospital's day beside ours, in the manner of the national 3201.
CREATE TABLE reconciliation (
    id          bigint PRIMARY KEY,                     -- request.id
    at          timestamptz NOT NULL,
    hospital    text NOT NULL,
    on_day      date NOT NULL,
    count       integer NOT NULL,
    fen         bigint NOT NULL,
    our_count   integer NOT NULL,
    our_fen     bigint NOT NULL,
    detailed    boolean NOT NULL,                       -- with every settlement, in the manner of 3202
    result      text NOT NULL CHECK (result IN ('equal', 'differs'))
);
CREATE INDEX reconciliation_day ON reconciliation (hospital, on_day, id);

-- ── what the service may do ─────────────────────────────────────────────────────────────────────────────────────────

GRANT SELECT ON hospital, look_back, agreement, bank_account, settlement, payment, accumulator, reversal, open_case, notice, statement,
    statement_line, payout, recovery, reconciliation TO huibao_service;
GRANT INSERT ON hospital, look_back, agreement, bank_account, settlement, payment, accumulator, reversal, open_case, notice, statement,
    statement_line, payout, recovery, reconciliation TO huibao_service;
GRANT UPDATE (name, area, grade, designated_from, designated_to, desk) ON hospital TO huibao_service;
GRANT UPDATE (known_to) ON look_back, bank_account TO huibao_service;
GRANT UPDATE (ended_at) ON agreement TO huibao_service;
GRANT UPDATE (state, payee, deadline, adjust_at, judged) ON settlement TO huibao_service;
GRANT UPDATE (posted_fen, target_fen, targets) ON payment TO huibao_service;
GRANT UPDATE (used) ON accumulator TO huibao_service;
GRANT UPDATE (settlement_id, state) ON reversal TO huibao_service;
GRANT UPDATE (closed_at, outcome, fen) ON open_case TO huibao_service;
GRANT UPDATE (sent_at, declined) ON notice TO huibao_service;
GRANT UPDATE (state, answered_at, setoff_fen) ON statement TO huibao_service;
GRANT DELETE ON statement_line TO huibao_service;
GRANT UPDATE (state, ended_at, due_on, tries) ON payout TO huibao_service;
GRANT UPDATE (state, ended_at) ON recovery TO huibao_service;

DO $$
BEGIN
    EXECUTE format('GRANT USAGE ON ALL SEQUENCES IN SCHEMA %I TO huibao_service', current_schema());
END $$;
