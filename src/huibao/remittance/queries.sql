-- :name lock_products
-- The products that commands are about, in order: one by name, those of a batch or a case, those that an insurer leads. Who surrenders a
-- policy holds its product FOR SHARE: a movement is listed or reversed, never both.
SELECT id FROM product
WHERE id = ANY(%(products)s::text[]) OR lead = ANY(%(insurers)s::text[])
   OR id IN (SELECT r.product FROM remittance r WHERE r.id = ANY(%(remittances)s::bigint[]))
   OR id IN (SELECT c.product FROM open_case c WHERE c.id = ANY(%(cases)s::bigint[]))
   OR lead IN (SELECT a.insurer FROM receiving_account a WHERE a.id = ANY(%(accounts)s::bigint[]))
ORDER BY id FOR NO KEY UPDATE;

-- :name due
-- What each batch to be made may list: movements of account money into a clearing account before a cut-off that stand in no batch, less
-- what was reversed of them, and what of that an account kept elsewhere did not take; and apart those whose account is not open. Who
-- waits for a person does not fail again, and what a person keeps back is left out, what a person lets go is in whatever its account
-- is. What came back and is about to be refunded waits for that.
SELECT w.n::int, array_agg(d.id) FILTER (WHERE d.goes), array_agg(d.fen) FILTER (WHERE d.goes),
       array_agg(d.id) FILTER (WHERE NOT d.goes), array_agg(d.fen) FILTER (WHERE NOT d.goes),
       array_agg(d.state) FILTER (WHERE NOT d.goes)
FROM unnest(%(clearings)s::bigint[], %(untils)s::timestamptz[]) WITH ORDINALITY AS w (clearing, until_at, n)
CROSS JOIN LATERAL (
    SELECT t.id, t.fen - r.fen AS fen, a.state, a.state = 'open' OR k.outcome IS NOT DISTINCT FROM 'remit' AS goes
    FROM transfer t
    JOIN account a ON a.id = t.debit_id
    CROSS JOIN LATERAL (
        SELECT COALESCE(sum(b.fen), 0)::bigint AS fen FROM transfer b
        WHERE t.kind = 'premium-account' AND b.kind = 'refund-reversed' AND b.order_id = t.order_id AND b.position = t.position
          AND b.credit_id = t.debit_id) AS r
    LEFT JOIN LATERAL (
        SELECT c.outcome, c.closed_at IS NULL AS waits FROM open_case c WHERE c.transfer_id = t.id ORDER BY c.id DESC LIMIT 1) AS k ON true
    WHERE t.kind IN ('premium-account', 'reversal-declined') AND t.credit_id = w.clearing AND t.at < w.until_at AND t.fen > r.fen
      AND NOT EXISTS (SELECT FROM remittance_line l WHERE l.transfer_id = t.id AND l.state <> 'failed')
      AND k.outcome IS DISTINCT FROM 'kept' AND (a.state = 'open' OR k.waits IS NOT TRUE)
      AND NOT EXISTS (
          SELECT FROM refund f
          WHERE f.order_id = t.order_id AND f.position = t.position AND f.source = a.kind AND f.state IN ('waiting', 'owed')
            AND a.state <> 'closed' AND f.declined IS NULL
            AND NOT EXISTS (SELECT FROM refund_confirmation y WHERE y.refund_id = f.id AND y.withdrawn_at IS NULL)
            AND NOT EXISTS (SELECT FROM repayment_line y WHERE y.refund_id = f.id))) AS d
GROUP BY w.n;

-- :name batches
-- Batches that commands name, with what their lines come to.
SELECT r.id, r.product, r.insurer, r.account_id, r.until_at, r.count, r.fen, r.state, r.confirmed_at, r.confirmed_fen,
       count(l.*) FILTER (WHERE l.state = 'listed'), COALESCE(sum(l.fen) FILTER (WHERE l.state = 'listed'), 0)::bigint,
       count(l.*) FILTER (WHERE l.state = 'paid'), COALESCE(sum(l.fen) FILTER (WHERE l.state = 'paid'), 0)::bigint,
       count(l.*) FILTER (WHERE l.state = 'failed'), COALESCE(sum(l.fen) FILTER (WHERE l.state = 'failed'), 0)::bigint
FROM remittance r LEFT JOIN remittance_line l ON l.remittance_id = r.id AND l.counted
WHERE r.id = ANY(%(remittances)s::bigint[]) GROUP BY r.id;

-- :name lines_of
-- The lines of batches that files are read against.
SELECT l.remittance_id, array_agg(l.transfer_id), array_agg(l.fen), array_agg(l.state)
FROM remittance_line l WHERE l.remittance_id = ANY(%(remittances)s::bigint[]) AND l.counted GROUP BY l.remittance_id;

-- :name accounts
-- Receiving accounts of insurers: the change that waits, those that are or were in force, and those that commands name.
SELECT a.id, a.insurer, a.bank, a.holder, a.tail, a.wrapped, a.number, a.phone, a.proposed_by, a.state, a.effective_at, a.decided_by
FROM receiving_account a
WHERE a.id = ANY(%(accounts)s::bigint[])
   OR (a.state <> 'refused' AND (a.insurer = ANY(%(insurers)s::text[])
       OR a.insurer IN (SELECT x.insurer FROM receiving_account x WHERE x.id = ANY(%(accounts)s::bigint[]))))
ORDER BY a.id;

-- :name calls
-- Call-backs about these accounts.
SELECT id, account_id, number_of, called_by, answer FROM receiving_call WHERE account_id = ANY(%(accounts)s::bigint[]) ORDER BY id;

-- :name cases
-- Cases that commands name.
SELECT id, product, cause, COALESCE(remittance_id, 0), transfer_id, outcome FROM open_case
WHERE id = ANY(%(cases)s::bigint[]) AND kind = 'remittance';

-- :name case_area
-- Whose area a case about a movement is: its buyer's; NULL of a whole batch.
SELECT n.area FROM open_case c LEFT JOIN orders o ON o.id = c.order_id LEFT JOIN person n ON n.id = o.buyer_id
WHERE c.id = %(case)s AND c.kind = 'remittance';

-- :name runs
-- Which of these days of the schedule are done.
SELECT r.product, r.due_on FROM remittance_run r
JOIN unnest(%(products)s::text[], %(days)s::date[]) AS u (product, due_on) ON u.product = r.product AND u.due_on = r.due_on;

-- :name money
-- The accounts that these batches move money between.
SELECT id, owner_id, kind, product, party, overdraft, state, credit_fen - debit_fen, held_fen FROM account
WHERE id = ANY(%(accounts)s::bigint[]);

-- :name insert_accounts
-- Accounts that were proposed.
INSERT INTO receiving_account (id, at, insurer, bank, holder, tail, wrapped, number, phone, proposed_by, state)
SELECT u.id, %(at)s, u.insurer, u.bank, u.holder, u.tail, u.wrapped, u.number, u.phone, u.proposed_by, 'proposed'
FROM unnest(%(ids)s::bigint[], %(insurers)s::text[], %(banks)s::text[], %(holders)s::text[], %(tails)s::text[], %(wrapped)s::bytea[],
            %(numbers)s::bytea[], %(phones)s::bytea[], %(proposed_by)s::bigint[])
     AS u (id, insurer, bank, holder, tail, wrapped, number, phone, proposed_by);

-- :name decide_accounts
-- Accounts that were approved or refused.
UPDATE receiving_account a SET state = u.state, decided_by = u.decided_by, decided_at = %(at)s, effective_at = u.effective_at
FROM unnest(%(ids)s::bigint[], %(states)s::text[], %(decided_by)s::bigint[], %(effective)s::timestamptz[])
     AS u (id, state, decided_by, effective_at) WHERE a.id = u.id;

-- :name insert_calls
-- Call-backs.
INSERT INTO receiving_call (id, at, account_id, number_of, called_by, answer)
SELECT u.id, %(at)s, u.account, u.number_of, u.called_by, u.answer
FROM unnest(%(ids)s::bigint[], %(accounts)s::bigint[], %(numbers_of)s::bigint[], %(called_by)s::bigint[], %(answers)s::text[])
     AS u (id, account, number_of, called_by, answer);

-- :name insert_batch
-- A batch.
INSERT INTO remittance (id, at, product, insurer, account_id, until_at, count, fen, state, answered_at)
VALUES (%(id)s, %(at)s, %(product)s, %(insurer)s, %(account)s, %(until)s, %(count)s, %(fen)s, %(state)s::text,
        CASE WHEN %(state)s::text = 'answered' THEN %(at)s::timestamptz END);

-- :name insert_lines
-- What it lists.
INSERT INTO remittance_line (remittance_id, transfer_id, order_id, position, account_id, fen, state, counted)
SELECT %(remittance)s, t.id, t.order_id, t.position, t.debit_id, u.fen, 'listed', true
FROM unnest(%(transfers)s::bigint[], %(fen)s::bigint[]) AS u (id, fen) JOIN transfer t ON t.id = u.id;

-- :name insert_not_open
-- What it would list, were the account open.
INSERT INTO remittance_line (remittance_id, transfer_id, order_id, position, account_id, fen, state, counted, reason)
SELECT %(remittance)s, t.id, t.order_id, t.position, t.debit_id, u.fen, 'failed', false, u.reason
FROM unnest(%(transfers)s::bigint[], %(fen)s::bigint[], %(reasons)s::text[]) AS u (id, fen, reason) JOIN transfer t ON t.id = u.id;

-- :name insert_runs
-- Days of the schedule that are done.
INSERT INTO remittance_run (product, due_on, at, outcome, remittance_id)
SELECT u.product, u.due_on, %(at)s, u.outcome, u.remittance
FROM unnest(%(products)s::text[], %(days)s::date[], %(outcomes)s::text[], %(remittances)s::bigint[])
     AS u (product, due_on, outcome, remittance);

-- :name move_batches
-- Batches that went on, or were confirmed.
UPDATE remittance r SET state = u.state, answered_at = CASE WHEN u.state = 'answered' THEN COALESCE(r.answered_at, %(at)s) END,
                        confirmed_at = u.confirmed_at, confirmed_fen = u.confirmed_fen
FROM unnest(%(ids)s::bigint[], %(states)s::text[], %(confirmed_at)s::timestamptz[], %(confirmed_fen)s::bigint[])
     AS u (id, state, confirmed_at, confirmed_fen) WHERE r.id = u.id;

-- :name move_all
-- Every line of a batch that stands so goes on.
UPDATE remittance_line SET state = %(to)s, reason = NULLIF(%(reason)s::text, ''),
                           paid_at = CASE %(to)s WHEN 'paid' THEN %(at)s ELSE paid_at END,
                           failed_at = CASE %(to)s WHEN 'failed' THEN %(at)s END
WHERE remittance_id = %(remittance)s AND state = %(since)s AND counted;

-- :name move_lines
-- These lines of a batch go on.
UPDATE remittance_line SET state = %(to)s, reason = NULLIF(%(reason)s::text, ''),
                           paid_at = CASE %(to)s WHEN 'paid' THEN %(at)s ELSE paid_at END,
                           failed_at = CASE %(to)s WHEN 'failed' THEN %(at)s END
WHERE remittance_id = %(remittance)s AND transfer_id = ANY(%(transfers)s::bigint[]) AND state = %(since)s AND counted;

-- :name insert_cases
-- What waits for a person, once for each thing that it is about.
INSERT INTO open_case (at, kind, cause, product, remittance_id, transfer_id, order_id, position, fen)
SELECT %(at)s, 'remittance', u.cause, u.product, u.remittance, u.transfer, t.order_id, t.position, u.fen
FROM unnest(%(causes)s::text[], %(products)s::text[], %(remittances)s::bigint[], %(transfers)s::bigint[], %(fen)s::bigint[])
     AS u (cause, product, remittance, transfer, fen)
LEFT JOIN transfer t ON t.id = u.transfer
WHERE NOT EXISTS (
    SELECT FROM open_case c
    WHERE c.kind = 'remittance' AND c.closed_at IS NULL AND c.cause = u.cause AND c.product = u.product
      AND c.remittance_id IS NOT DISTINCT FROM u.remittance AND c.transfer_id IS NOT DISTINCT FROM u.transfer);

-- :name close_listed
-- Movements that are listed again, and what waited for the product's next batch.
UPDATE open_case SET closed_at = %(at)s, outcome = 'listed-again'
WHERE kind = 'remittance' AND closed_at IS NULL AND product = %(product)s
  AND (transfer_id = ANY(%(transfers)s::bigint[]) OR (transfer_id IS NULL AND cause IN ('bank.returned', 'receiving.none')));

-- :name close_reversed
-- Movements of a product of which nothing is left to remit.
UPDATE open_case c SET closed_at = %(at)s, outcome = 'reversed'
WHERE c.kind = 'remittance' AND c.closed_at IS NULL AND c.product = %(product)s AND c.transfer_id IS NOT NULL
  AND (SELECT t.fen FROM transfer t WHERE t.id = c.transfer_id) <= (
      SELECT sum(b.fen) FROM transfer b JOIN transfer t ON t.id = c.transfer_id
      WHERE t.kind = 'premium-account' AND b.kind = 'refund-reversed' AND b.order_id = t.order_id AND b.position = t.position
        AND b.credit_id = t.debit_id);

-- :name settle_cases
-- Cases of batches that their answer settles.
UPDATE open_case c SET closed_at = %(at)s, outcome = u.outcome
FROM unnest(%(remittances)s::bigint[], %(causes)s::text[], %(outcomes)s::text[]) AS u (remittance, cause, outcome)
WHERE c.kind = 'remittance' AND c.closed_at IS NULL AND c.remittance_id = u.remittance AND c.transfer_id IS NULL AND c.cause = u.cause;

-- :name resolve_cases
-- What people decided.
UPDATE open_case c SET closed_at = %(at)s, outcome = u.outcome
FROM unnest(%(ids)s::bigint[], %(outcomes)s::text[]) AS u (id, outcome) WHERE c.id = u.id;

-- :name not_run
-- Products that took account money before the day's cut-off and whose day of the schedule is not done.
SELECT a.product FROM account a
WHERE a.kind = 'clearing' AND a.product = ANY(%(products)s::text[]) AND a.owner_id IS NULL
  AND EXISTS (SELECT FROM transfer t WHERE t.kind = 'premium-account' AND t.credit_id = a.id AND t.at < %(until)s)
  AND NOT EXISTS (SELECT FROM remittance_run r WHERE r.product = a.product AND r.due_on = %(day)s)
ORDER BY a.product;

-- :name on_their_way
-- Batches that the bank is to be told of or asked about, the oldest first, with the account that they go to.
SELECT r.id, r.product, r.insurer, r.account_id, r.fen,
       (SELECT COALESCE(sum(l.fen), 0)::bigint FROM remittance_line l WHERE l.remittance_id = r.id AND l.state = 'listed'),
       r.state, a.wrapped, a.number
FROM remittance r JOIN receiving_account a ON a.id = r.account_id
WHERE r.state <> 'answered' AND r.id > %(after)s ORDER BY r.id LIMIT %(most)s;

-- :name batches_page
-- Batches of products, the newest first, a page at a time, with what their lines come to.
SELECT r.id, r.at, r.product, r.insurer, a.bank, a.tail, r.until_at, r.state, r.count, r.fen,
       s.paid, s.paid_fen, s.failed, s.failed_fen, s.not_open, r.answered_at, r.confirmed_at, r.confirmed_fen
FROM remittance r JOIN receiving_account a ON a.id = r.account_id
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE l.state = 'paid') AS paid, COALESCE(sum(l.fen) FILTER (WHERE l.state = 'paid'), 0)::bigint AS paid_fen,
           count(*) FILTER (WHERE l.state = 'failed' AND l.counted) AS failed,
           COALESCE(sum(l.fen) FILTER (WHERE l.state = 'failed' AND l.counted), 0)::bigint AS failed_fen,
           count(*) FILTER (WHERE NOT l.counted) AS not_open
    FROM remittance_line l WHERE l.remittance_id = r.id) AS s
WHERE r.product = ANY(%(products)s::text[]) AND r.at >= %(since)s AND r.at < %(until)s
  AND (%(before)s = 0 OR r.id < %(before)s) AND (%(remittance)s = 0 OR r.id = %(remittance)s)
ORDER BY r.id DESC LIMIT %(most)s::bigint;

-- :name lines_page
-- Lines of a batch by entry, a page at a time; without those that were never part of what is paid where only its file is read.
SELECT transfer_id, order_id, position, fen, state, reason FROM remittance_line
WHERE remittance_id = %(remittance)s AND transfer_id > %(after)s AND (counted OR %(uncounted)s) AND (%(state)s = '' OR state = %(state)s)
ORDER BY transfer_id LIMIT %(most)s;

-- :name accounts_page
-- Receiving accounts: first those that wait, then the newest.
SELECT a.id, a.insurer, a.bank, a.holder, a.tail, a.wrapped, a.number, a.phone, a.proposed_by, a.state, a.effective_at, a.decided_by,
       a.at, a.decided_at
FROM receiving_account a WHERE %(insurer)s = '' OR a.insurer = %(insurer)s
ORDER BY a.state = 'proposed' DESC, a.id DESC LIMIT %(most)s;

-- :name days
-- What came into and left the clearing accounts of products in a time, and what was there before and after it.
SELECT p.id, p.lead,
       COALESCE(sum(m.fen) FILTER (WHERE m.at < %(since)s), 0)::bigint,
       COALESCE(sum(m.fen) FILTER (WHERE m.kind = 'premium-account' AND m.at >= %(since)s), 0)::bigint,
       COALESCE(-sum(m.fen) FILTER (WHERE m.kind IN ('refund-reversed', 'reversal-declined') AND m.at >= %(since)s), 0)::bigint,
       COALESCE(-sum(m.fen) FILTER (WHERE m.kind = 'premium-remitted' AND m.at >= %(since)s), 0)::bigint,
       COALESCE(sum(m.fen) FILTER (WHERE m.kind = 'remittance-returned' AND m.at >= %(since)s), 0)::bigint,
       COALESCE(sum(m.fen), 0)::bigint
FROM product p JOIN account c ON c.product = p.id AND c.kind = 'clearing' AND c.owner_id IS NULL
LEFT JOIN LATERAL (
    SELECT t.at, t.kind, t.fen FROM transfer t
    WHERE t.kind IN ('premium-account', 'reversal-declined') AND t.credit_id = c.id AND t.at < %(until)s
    UNION ALL
    SELECT t.at, t.kind, -t.fen FROM transfer t WHERE t.kind = 'refund-reversed' AND t.debit_id = c.id AND t.at < %(until)s
    UNION ALL
    SELECT t.at, t.kind, CASE WHEN t.credit_id = c.id THEN t.fen ELSE -t.fen END FROM transfer t
    WHERE t.remittance_id IS NOT NULL AND c.id IN (t.debit_id, t.credit_id) AND t.at < %(until)s) AS m ON true
WHERE p.id = ANY(%(products)s::text[]) GROUP BY p.id, p.lead ORDER BY p.id;

-- :name calls_page
-- When, by whom and with what answer insurers were called about these accounts.
SELECT account_id, at, called_by, number_of, answer FROM receiving_call WHERE account_id = ANY(%(accounts)s::bigint[]) ORDER BY id;
