-- :name lock_numbers
-- Numbers of settlements, whether anybody has them yet or not; in order, before the people.
SELECT pg_advisory_xact_lock(number) FROM unnest(%(numbers)s::bigint[]) AS number;

-- :name lock_insured
-- The people of a batch, by number or by their settlements, locked in order of id: with each, all that is scarce about them.
SELECT p.id, p.psn_no, p.area, k.wrapped
FROM person p LEFT JOIN person_key k ON k.person_id = p.id
WHERE p.id IN (
    SELECT id FROM person WHERE psn_no = ANY(%(psn_nos)s::text[])
    UNION SELECT unnest(%(people)s::bigint[])
    UNION SELECT person_id FROM settlement WHERE id = ANY(%(settlements)s::bigint[])
    UNION SELECT person_id FROM settlement WHERE setl_id = ANY(%(originals)s::text[]))
ORDER BY p.id FOR NO KEY UPDATE OF p;

-- :name lock_households
-- As lock_insured, with everyone whose policies share a household with theirs: these move each other's deductibles.
WITH RECURSIVE near (id) AS (
    SELECT id FROM person WHERE psn_no = ANY(%(psn_nos)s::text[])
    UNION SELECT unnest(%(people)s::bigint[])
    UNION SELECT person_id FROM settlement WHERE id = ANY(%(settlements)s::bigint[])
    UNION SELECT person_id FROM settlement WHERE setl_id = ANY(%(originals)s::text[])
    UNION
    SELECT theirs.insured_id
    FROM near JOIN policy mine ON mine.insured_id = near.id AND mine.state <> 'void' AND mine.product = ANY(%(products)s::text[])
    JOIN orders o ON o.id = mine.order_id
    JOIN orders same ON same.buyer_id = o.buyer_id
    JOIN policy theirs ON theirs.order_id = same.id AND theirs.product = mine.product)
SELECT p.id, p.psn_no, p.area, k.wrapped
FROM person p LEFT JOIN person_key k ON k.person_id = p.id
WHERE p.id IN (SELECT id FROM near)
ORDER BY p.id FOR NO KEY UPDATE OF p;

-- :name hospitals
-- Hospitals that the programme knows.
SELECT id, name, area, grade, designated_from, designated_to, desk FROM hospital WHERE id = ANY(%(hospitals)s::text[]);

-- :name covers
-- Policies of these people that are or were in force, in the order in which they pay: older contract years first, then by product.
-- One that was surrendered covers its days before that.
SELECT p.order_id, p.position, p.insured_id, o.offer_id, p.product, p.share, p.period_from, COALESCE(p.ended_on - 1, p.period_to),
       p.facts::text, o.buyer_id
FROM policy p JOIN orders o ON o.id = p.order_id
WHERE p.insured_id = ANY(%(people)s::bigint[]) AND p.state IN ('in-force', 'surrendered')
  AND p.period_from < COALESCE(p.ended_on, 'infinity')
ORDER BY p.insured_id, p.product, p.order_id, p.position;

-- :name accumulators
-- What they have used so far.
SELECT whose, product, used::text FROM accumulator WHERE whose = ANY(%(people)s::bigint[]);

-- :name household_accumulators
-- As accumulators, with those that are kept under the policyholder of a household.
SELECT whose, product, used::text FROM accumulator
WHERE whose IN (
    SELECT unnest(%(people)s::bigint[])
    UNION SELECT o.buyer_id FROM policy p JOIN orders o ON o.id = p.order_id
          WHERE p.insured_id = ANY(%(people)s::bigint[]) AND p.state <> 'void' AND p.product = ANY(%(products)s::text[]));

-- :name known
-- Settlements with these numbers of basic insurance, with the evidence that holds what was answered.
SELECT s.id, s.setl_id, s.person_id, s.hospital, s.mdtrt_id, s.way, s.at, s.settled_on, s.admitted_on, s.medfee_fen, s.person_fen,
       s.pay_fen, s.payee, s.state, s.deadline, s.adjust_at, s.judged, e.sealed
FROM settlement s JOIN event e ON e.request_id = s.id WHERE s.setl_id = ANY(%(setl_ids)s::text[]);

-- :name named
-- Settlements by our own number.
SELECT s.id, s.setl_id, s.person_id, s.hospital, s.mdtrt_id, s.way, s.at, s.settled_on, s.admitted_on, s.medfee_fen, s.person_fen,
       s.pay_fen, s.payee, s.state, s.deadline, s.adjust_at, s.judged, e.sealed
FROM settlement s JOIN event e ON e.request_id = s.id WHERE s.id = ANY(%(settlements)s::bigint[]);

-- :name history
-- Every settlement of these people that stands, in the order in which they were accepted, with its message.
SELECT s.id, s.setl_id, s.person_id, s.hospital, s.mdtrt_id, s.way, s.at, s.settled_on, s.admitted_on, s.medfee_fen, s.person_fen,
       s.pay_fen, s.payee, s.state, s.deadline, s.adjust_at, s.judged, e.sealed, e.seq
FROM settlement s JOIN event e ON e.request_id = s.id
WHERE s.person_id = ANY(%(people)s::bigint[]) AND s.state IN ('offered', 'confirmed')
ORDER BY e.seq;

-- :name payments
-- What policies pay of these settlements.
SELECT settlement_id, order_id, position, posted_fen, figures, targets
FROM payment WHERE settlement_id = ANY(%(settlements)s::bigint[]) ORDER BY settlement_id, order_id, position;

-- :name stays
-- Settlements of stays that may go on, and those that were taken back and whose followers still wait to be put right. Each part by
-- an index of its own: who comes to a hospital every other day has hundreds.
SELECT s.id, s.setl_id, s.person_id, s.hospital, s.mdtrt_id, s.way, s.at, s.settled_on, s.admitted_on, s.medfee_fen, s.person_fen,
       s.pay_fen, s.payee, s.state, s.deadline, s.adjust_at, s.judged, NULL::bytea
FROM settlement s
WHERE s.person_id = ANY(%(people)s::bigint[]) AND s.mdtrt_id = ANY(%(visits)s::text[]) AND s.adjust_at IS NULL
UNION ALL
SELECT s.id, s.setl_id, s.person_id, s.hospital, s.mdtrt_id, s.way, s.at, s.settled_on, s.admitted_on, s.medfee_fen, s.person_fen,
       s.pay_fen, s.payee, s.state, s.deadline, s.adjust_at, s.judged, NULL::bytea
FROM settlement s WHERE s.person_id = ANY(%(people)s::bigint[]) AND s.adjust_at IS NOT NULL;

-- :name known_of_people
-- When these people were registered or referred elsewhere, and what was found of their earlier diagnoses, sealed; as known now.
SELECT person_id, value, valid_from, valid_to, NULL::bytea FROM standing
WHERE person_id = ANY(%(people)s::bigint[]) AND kind = 'away' AND known_to IS NULL
UNION ALL
SELECT person_id, NULL, NULL, NULL, sealed FROM look_back WHERE person_id = ANY(%(people)s::bigint[]) AND known_to IS NULL
ORDER BY 1, 3;

-- :name agreed
-- Who agreed to be paid without an application and has an account to be paid to.
SELECT a.person_id FROM agreement a
WHERE a.person_id = ANY(%(people)s::bigint[]) AND a.kind = 'pay-without-application' AND a.ended_at IS NULL
  AND EXISTS (SELECT FROM bank_account b WHERE b.person_id = a.person_id AND b.known_to IS NULL);

-- :name accounts
-- Where these people were paid to, as it was said last, also if they withdrew it.
SELECT DISTINCT ON (person_id) person_id, sealed FROM bank_account WHERE person_id = ANY(%(people)s::bigint[]) ORDER BY person_id, id DESC;

-- :name reversals
-- Reversals of basic insurance with these numbers, or that came before these originals.
SELECT id, setl_id, reverses, settlement_id, state, hospital FROM reversal
WHERE setl_id = ANY(%(setl_ids)s::text[])
UNION
SELECT id, setl_id, reverses, settlement_id, state, hospital FROM reversal
WHERE reverses = ANY(%(originals)s::text[]) AND state IN ('parked', 'met');

-- :name payouts
-- What is on its way to people's accounts for these settlements: locked, since a payout that was sent is not taken back here.
SELECT id, settlement_id, product, fen, state FROM payout WHERE settlement_id = ANY(%(settlements)s::bigint[])
ORDER BY id FOR NO KEY UPDATE;

-- :name cancel_payouts
-- Payouts that are not due any more.
UPDATE payout SET state = 'cancelled', ended_at = %(at)s WHERE id = ANY(%(ids)s::bigint[]);

-- :name open_cases
-- Open cases of these settlements.
SELECT id, kind, cause, settlement_id, setl_id, order_id, position, fen FROM open_case
WHERE settlement_id = ANY(%(settlements)s::bigint[]) AND closed_at IS NULL;

-- :name insert_settlements
-- Settlements that were taken up.
INSERT INTO settlement (id, setl_id, person_id, hospital, mdtrt_id, way, at, settled_on, admitted_on, medfee_fen, person_fen, pay_fen,
                        payee, state, deadline, adjust_at)
SELECT u.id, u.setl_id, u.person, u.hospital, u.mdtrt_id, u.way, %(at)s, u.settled_on, u.admitted_on, u.medfee, u.left_to_person, u.pay,
       u.payee, u.state, u.deadline, u.adjust_at
FROM unnest(%(ids)s::bigint[], %(setl_ids)s::text[], %(people)s::bigint[], %(hospitals)s::text[], %(visits)s::text[], %(ways)s::text[],
            %(settled)s::date[], %(admitted)s::date[], %(medfees)s::bigint[], %(person_parts)s::bigint[], %(pays)s::bigint[],
            %(payees)s::text[], %(states)s::text[], %(deadlines)s::timestamptz[], %(adjusting)s::timestamptz[])
     AS u (id, setl_id, person, hospital, mdtrt_id, way, settled_on, admitted_on, medfee, left_to_person, pay, payee, state, deadline,
           adjust_at);

-- :name insert_payments
-- What policies pay of them.
INSERT INTO payment (settlement_id, order_id, position, product, share, pay_fen, posted_fen, target_fen, figures, targets)
SELECT u.settlement, u.order_id, u.position, u.product, u.share, u.pay, u.posted, u.target,
       string_to_array(u.figures, ',')::bigint[], string_to_array(u.targets, ',')::bigint[]
FROM unnest(%(settlements)s::bigint[], %(orders)s::bigint[], %(positions)s::smallint[], %(products)s::text[], %(shares)s::smallint[],
            %(pays)s::bigint[], %(posted)s::bigint[], %(target_fen)s::bigint[], %(figures)s::text[], %(targets)s::text[])
     AS u (settlement, order_id, position, product, share, pay, posted, target, figures, targets);

-- :name move_settlements
-- Settlements that went on to another state or payee.
UPDATE settlement s SET state = u.state, payee = u.payee, deadline = u.deadline, adjust_at = u.adjust_at,
       judged = COALESCE(u.judged, s.judged)
FROM unnest(%(ids)s::bigint[], %(states)s::text[], %(payees)s::text[], %(deadlines)s::timestamptz[], %(adjusting)s::timestamptz[],
            %(judged)s::bytea[]) AS u (id, state, payee, deadline, adjust_at, judged)
WHERE s.id = u.id;

-- :name correct_facts
-- Policies of which a fact was corrected.
UPDATE policy p SET facts = u.facts::jsonb
FROM unnest(%(orders)s::bigint[], %(positions)s::smallint[], %(facts)s::text[]) AS u (order_id, position, facts)
WHERE p.order_id = u.order_id AND p.position = u.position;

-- :name move_payments
-- Payments of which more or less was posted, or that would be others now.
UPDATE payment p SET posted_fen = u.posted, target_fen = u.target, targets = string_to_array(u.targets, ',')::bigint[]
FROM unnest(%(settlements)s::bigint[], %(orders)s::bigint[], %(positions)s::smallint[], %(posted)s::bigint[], %(target_fen)s::bigint[],
            %(targets)s::text[]) AS u (settlement, order_id, position, posted, target, targets)
WHERE p.settlement_id = u.settlement AND p.order_id = u.order_id AND p.position = u.position;

-- :name insert_accumulators
-- Policies that are used for the first time.
INSERT INTO accumulator (whose, product, used)
SELECT u.whose, u.product, u.used::jsonb
FROM unnest(%(whose)s::bigint[], %(products)s::text[], %(used)s::text[]) AS u (whose, product, used);

-- :name move_accumulators
-- What was used after this batch.
UPDATE accumulator a SET used = u.used::jsonb
FROM unnest(%(whose)s::bigint[], %(products)s::text[], %(used)s::text[]) AS u (whose, product, used)
WHERE a.whose = u.whose AND a.product = u.product;

-- :name insert_reversals
-- Messages that take settlements back, done or parked.
INSERT INTO reversal (id, setl_id, reverses, hospital, at, settlement_id, state)
SELECT u.id, u.setl_id, u.reverses, u.hospital, %(at)s, u.settlement, u.state
FROM unnest(%(ids)s::bigint[], %(setl_ids)s::text[], %(originals)s::text[], %(hospitals)s::text[], %(settlements)s::bigint[],
            %(states)s::text[]) AS u (id, setl_id, reverses, hospital, settlement, state);

-- :name move_reversals
-- Parked reversals whose original came.
UPDATE reversal r SET state = u.state, settlement_id = u.settlement
FROM unnest(%(ids)s::bigint[], %(settlements)s::bigint[], %(states)s::text[]) AS u (id, settlement, state) WHERE r.id = u.id;

-- :name insert_cases
-- What waits for a person.
INSERT INTO open_case (at, kind, cause, settlement_id, setl_id, order_id, position, hospital, fen, due_on)
SELECT %(at)s, * FROM unnest(%(kinds)s::text[], %(causes)s::text[], %(settlements)s::bigint[], %(setl_ids)s::text[], %(orders)s::bigint[],
                             %(positions)s::smallint[], %(hospitals)s::text[], %(fen)s::bigint[], %(due)s::date[]);

-- :name close_cases
-- What is settled by itself.
UPDATE open_case c SET closed_at = %(at)s, outcome = u.outcome
FROM unnest(%(ids)s::bigint[], %(outcomes)s::text[]) AS u (id, outcome) WHERE c.id = u.id AND c.closed_at IS NULL;

-- :name close_parked
-- Parked reversals whose original came wait for nobody any more.
UPDATE open_case SET closed_at = %(at)s, outcome = 'original-came'
WHERE kind = 'reversal-parked' AND setl_id = ANY(%(setl_ids)s::text[]) AND closed_at IS NULL;

-- :name change_cases
-- A case whose amount has changed.
UPDATE open_case c SET fen = u.fen FROM unnest(%(ids)s::bigint[], %(fen)s::bigint[]) AS u (id, fen) WHERE c.id = u.id;

-- :name insert_payouts
-- What is to be paid to people's own accounts.
INSERT INTO payout (at, product, person_id, settlement_id, fen, due_on, state, ended_at)
SELECT %(at)s, u.product, u.person, u.settlement, u.fen, u.due_on, u.state, CASE WHEN u.state = 'cancelled' THEN %(at)s END
FROM unnest(%(products)s::text[], %(people)s::bigint[], %(settlements)s::bigint[], %(fen)s::bigint[], %(due)s::date[], %(states)s::text[])
     AS u (product, person, settlement, fen, due_on, state);

-- :name end_agreements
-- What these people agreed to, and where they were paid to, is so no longer.
UPDATE agreement SET ended_at = %(at)s
WHERE person_id = ANY(%(people)s::bigint[]) AND kind = 'pay-without-application' AND ended_at IS NULL;

-- :name close_bank_accounts
-- Where these people were paid to is known no longer.
UPDATE bank_account SET known_to = %(at)s WHERE person_id = ANY(%(people)s::bigint[]) AND known_to IS NULL;

-- :name insert_agreements
-- Who agreed.
INSERT INTO agreement (person_id, kind, given_at, credential)
SELECT u.person, 'pay-without-application', %(at)s, u.credential
FROM unnest(%(people)s::bigint[], %(credentials)s::bigint[]) AS u (person, credential);

-- :name insert_bank_accounts
-- Where they are paid to, sealed.
INSERT INTO bank_account (person_id, sealed, known_from)
SELECT u.person, u.sealed, %(at)s FROM unnest(%(people)s::bigint[], %(sealed)s::bytea[]) AS u (person, sealed);
