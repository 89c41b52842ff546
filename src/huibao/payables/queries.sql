-- :name lock_hospitals
-- Hospitals of a batch, in order: two statements of one hospital are made one after the other.
SELECT id FROM hospital WHERE id = ANY(%(hospitals)s::text[]) ORDER BY id FOR NO KEY UPDATE;

-- :name lock_products
-- Products of a batch, in order: their co-insurers' parts are called in once.
SELECT id FROM product WHERE id = ANY(%(products)s::text[]) ORDER BY id FOR NO KEY UPDATE;

-- :name statements
-- Statements that commands name, and those that wait for an answer at these hospitals.
SELECT id, hospital, product, upto, fen, setoff_fen, state,
       (SELECT count(*) FROM statement_line l WHERE l.statement_id = statement.id) FROM statement
WHERE id = ANY(%(statements)s::bigint[]) OR (hospital = ANY(%(hospitals)s::text[]) AND state = 'proposed')
ORDER BY id FOR NO KEY UPDATE;

-- :name payouts
-- Payouts that commands name.
SELECT id, product, fen, state, due_on, hospital, statement_id, person_id, settlement_id, tries FROM payout
WHERE id = ANY(%(payouts)s::bigint[]) ORDER BY id FOR NO KEY UPDATE;

-- :name recoveries
-- Parts that commands name.
SELECT product, version, insurer, fen, state, id FROM recovery WHERE id = ANY(%(recoveries)s::bigint[]) ORDER BY id FOR NO KEY UPDATE;

-- :name called
-- What was called in of each co-insurer so far.
SELECT product, version, insurer, sum(fen)::bigint FROM recovery WHERE product = ANY(%(products)s::text[])
GROUP BY product, version, insurer;

-- :name shares
-- The co-insurers of these products under each version of the shares, in order, with the streams of claims.
SELECT s.product, s.version, s.insurer, s.weight, s.since,
       (SELECT t.fen FROM pool_total t WHERE t.product = s.product AND t.version = s.version AND t.stream = 'claim'),
       (SELECT t.fen FROM pool_total t WHERE t.product = s.product AND t.version = s.version AND t.stream = 'claim-returned')
FROM pool_share s WHERE s.product = ANY(%(products)s::text[]) ORDER BY s.product, s.version, s.position;

-- :name open_lines
-- What hospitals are owed and stands in no statement yet, or in one that is answered in the same batch; by hospital, product, day.
SELECT s.hospital, a.product, t.id, CASE t.kind WHEN 'claim-incurred' THEN t.fen ELSE -t.fen END,
       (t.at AT TIME ZONE 'Asia/Shanghai')::date, l.statement_id
FROM settlement s
JOIN transfer t ON t.settlement_id = s.id AND t.kind IN ('claim-incurred', 'claim-taken-back')
JOIN account a ON a.id = CASE t.kind WHEN 'claim-incurred' THEN t.debit_id ELSE t.credit_id END AND a.kind = 'hospital'
LEFT JOIN statement_line l ON l.transfer_id = t.id
WHERE s.hospital = ANY(%(hospitals)s::text[]) AND (l.statement_id IS NULL OR l.statement_id = ANY(%(answered)s::bigint[]))
ORDER BY t.id;

-- :name taken_back
-- Settlements among these that do not stand any more. A later statement than the lock on their payouts.
SELECT id FROM settlement WHERE id = ANY(%(settlements)s::bigint[]) AND state IN ('void', 'reversed');

-- :name prepaid
-- What hospitals were paid ahead, less what was set off against it.
SELECT hospital, product, sum(fen)::bigint FROM (
    SELECT hospital, product, fen FROM payout
    WHERE hospital = ANY(%(hospitals)s::text[]) AND statement_id IS NULL AND state = 'paid'
    UNION ALL
    SELECT hospital, product, -setoff_fen FROM statement
    WHERE hospital = ANY(%(hospitals)s::text[]) AND state IN ('agreed', 'paid')) AS ahead (hospital, product, fen)
GROUP BY hospital, product;

-- :name insert_statements
-- Statements that were proposed.
INSERT INTO statement (id, at, hospital, product, upto, fen, setoff_fen, state)
SELECT u.id, %(at)s, u.hospital, u.product, u.upto, u.fen, 0, 'proposed'
FROM unnest(%(ids)s::bigint[], %(hospitals)s::text[], %(products)s::text[], %(upto)s::date[], %(fen)s::bigint[])
     AS u (id, hospital, product, upto, fen);

-- :name insert_lines
-- What they list.
INSERT INTO statement_line (transfer_id, statement_id)
SELECT * FROM unnest(%(transfers)s::bigint[], %(statements)s::bigint[]);

-- :name release_lines
-- What a disputed statement listed may stand in another.
DELETE FROM statement_line WHERE statement_id = ANY(%(statements)s::bigint[]);

-- :name move_statements
-- Statements that were answered or paid.
UPDATE statement s SET state = u.state, setoff_fen = u.setoff, answered_at = COALESCE(s.answered_at, %(at)s)
FROM unnest(%(ids)s::bigint[], %(states)s::text[], %(setoff)s::bigint[]) AS u (id, state, setoff) WHERE s.id = u.id;

-- :name new_numbers
-- Numbers for the payouts of prepayments and agreed statements to come; what is refused or set off leaves gaps.
SELECT nextval('payout_id_seq') FROM generate_series(1, %(count)s::int);

-- :name insert_payouts
-- Money to be paid to hospitals.
INSERT INTO payout (id, at, product, hospital, statement_id, fen, due_on, state)
SELECT u.id, %(at)s, u.product, u.hospital, u.statement, u.fen, u.due_on, 'due'
FROM unnest(%(ids)s::bigint[], %(products)s::text[], %(hospitals)s::text[], %(statements)s::bigint[], %(fen)s::bigint[], %(due)s::date[])
     AS u (id, product, hospital, statement, fen, due_on);

-- :name move_payouts
-- Payouts that went on.
UPDATE payout p SET state = u.state, due_on = u.due_on, tries = u.tries,
                    ended_at = CASE WHEN u.state IN ('paid', 'returned', 'cancelled') THEN %(at)s END
FROM unnest(%(ids)s::bigint[], %(states)s::text[], %(due)s::date[], %(tries)s::smallint[]) AS u (id, state, due_on, tries)
WHERE p.id = u.id;

-- :name insert_recoveries
-- Parts that are called in.
INSERT INTO recovery (at, product, version, insurer, fen, state)
SELECT %(at)s, u.product, u.version, u.insurer, u.fen, 'called'
FROM unnest(%(products)s::text[], %(versions)s::smallint[], %(insurers)s::text[], %(fen)s::bigint[]) AS u (product, version, insurer, fen);

-- :name move_recoveries
-- Parts that arrived.
UPDATE recovery SET state = 'received', ended_at = %(at)s WHERE id = ANY(%(ids)s::bigint[]);

-- :name insert_cases
-- Payouts that came back, for a person to look into.
INSERT INTO open_case (at, kind, cause, settlement_id, hospital, product, payout_id, fen)
SELECT %(at)s, 'payout-returned', 'payout.account_gone', u.settlement, u.hospital, u.product, u.payout, u.fen
FROM unnest(%(settlements)s::bigint[], %(hospitals)s::text[], %(products)s::text[], %(payouts)s::bigint[], %(fen)s::bigint[])
     AS u (settlement, hospital, product, payout, fen);

-- :name close_cases
-- Payouts that are tried again.
UPDATE open_case SET closed_at = %(at)s, outcome = 'paid-again'
WHERE kind = 'payout-returned' AND payout_id = ANY(%(payouts)s::bigint[]) AND closed_at IS NULL;

-- :name close_reversed
-- Money that had left for a settlement that was taken back, and came back by itself.
UPDATE open_case SET closed_at = %(at)s, outcome = 'came-back'
WHERE cause = 'reversal.after_payout' AND settlement_id = ANY(%(settlements)s::bigint[]) AND closed_at IS NULL;

-- :name payouts_waiting
-- Payouts that the bank is to be told of or asked about, the oldest first, with the account of a person's.
SELECT p.id, p.product, p.hospital, p.person_id, p.fen, p.state, p.tries, b.sealed, k.wrapped
FROM payout p
LEFT JOIN bank_account b ON b.person_id = p.person_id AND b.known_to IS NULL
LEFT JOIN person_key k ON k.person_id = p.person_id
WHERE p.state IN ('due', 'sent') AND p.id > %(after)s ORDER BY p.id LIMIT %(most)s;

-- :name recoveries_waiting
-- Parts that were called in and have not arrived, the oldest first.
SELECT id, product, insurer, fen FROM recovery WHERE state = 'called' AND id > %(after)s ORDER BY id LIMIT %(most)s;

-- :name payables
-- What each product owes each hospital: listed in statements or not, by age in days of what it is for.
SELECT a.product, a.party, sum(due.fen)::bigint,
       sum(due.fen) FILTER (WHERE due.listed)::bigint,
       sum(due.fen) FILTER (WHERE due.days <= 30)::bigint, sum(due.fen) FILTER (WHERE due.days BETWEEN 31 AND 60)::bigint,
       sum(due.fen) FILTER (WHERE due.days BETWEEN 61 AND 90)::bigint, sum(due.fen) FILTER (WHERE due.days > 90)::bigint
FROM account a
CROSS JOIN LATERAL (
    SELECT CASE t.kind WHEN 'claim-incurred' THEN t.fen ELSE -t.fen END AS fen, x.id IS NOT NULL AS listed,
           %(on)s::date - (t.at AT TIME ZONE 'Asia/Shanghai')::date AS days
    FROM settlement s
    JOIN transfer t ON t.settlement_id = s.id AND t.kind IN ('claim-incurred', 'claim-taken-back') AND a.id IN (t.debit_id, t.credit_id)
    LEFT JOIN statement_line l ON l.transfer_id = t.id LEFT JOIN statement x ON x.id = l.statement_id
    WHERE s.hospital = a.party AND x.state IS DISTINCT FROM 'paid') AS due
WHERE a.kind = 'hospital' AND a.party = ANY(%(hospitals)s::text[])
GROUP BY a.product, a.party ORDER BY a.product, a.party;

-- :name hospitals_paid
-- Hospitals that any product has paid at or owes.
SELECT DISTINCT party FROM account WHERE kind = 'hospital' ORDER BY party;

-- :name statement
-- One statement.
SELECT id, hospital, product, upto, fen, setoff_fen, state,
       (SELECT count(*) FROM statement_line l WHERE l.statement_id = s.id) FROM statement s WHERE id = %(statement)s;

-- :name statement_lines
-- What a statement lists: which settlement, which policy, how much, when.
SELECT s.id, s.setl_id, t.order_id, t.position, CASE t.kind WHEN 'claim-incurred' THEN t.fen ELSE -t.fen END, t.at
FROM statement_line l JOIN transfer t ON t.id = l.transfer_id JOIN settlement s ON s.id = t.settlement_id
WHERE l.statement_id = %(statement)s ORDER BY t.id;

-- :name recoveries_of
-- What was called in for a product, newest first.
SELECT id, version, insurer, fen, state, at, ended_at FROM recovery WHERE product = %(product)s ORDER BY id DESC LIMIT %(most)s;

-- :name payouts_of
-- What was paid, is on its way, or came back, newest first: of products, or to one hospital.
SELECT id, product, hospital, statement_id, settlement_id, fen, state, due_on, ended_at FROM payout
WHERE (%(hospital)s = '' OR hospital = %(hospital)s) AND product = ANY(%(products)s::text[]) ORDER BY id DESC LIMIT %(most)s;
