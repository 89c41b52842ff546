-- Each statement finds offenders: one text per row, without personal data. None is good. They are read in one
-- transaction that sees one instant, so that a running service may be verified. %% is a percent sign to the driver.

-- :name programmes
-- The programmes of this database.
SELECT code, name, scheme, schema_name FROM public.programme ORDER BY code;

-- :name enter
-- Whose schema is looked at.
SELECT set_config('search_path', %(schema)s, true);

-- :name double_entry
-- a. All debits equal all credits.
SELECT format('debits of all accounts are %%s fen, credits %%s', sum(debit_fen), sum(credit_fen)) FROM account
HAVING sum(debit_fen) <> sum(credit_fen);

-- :name routes
-- a. Money moved only on its routes, and never from one product's books to another's.
SELECT format('transfer %%s: %%s from %%s to %%s', t.id, t.kind, d.kind, c.kind)
FROM transfer t JOIN account d ON d.id = t.debit_id JOIN account c ON c.id = t.credit_id
WHERE NOT EXISTS (
    SELECT FROM unnest(%(kinds)s::text[], %(leaves)s::text[], %(reaches)s::text[]) AS r (kind, leaves, reaches)
    WHERE r.kind = t.kind AND r.leaves = d.kind AND r.reaches = c.kind)
   OR d.product <> c.product;

-- :name balances
-- b. The running totals of each account are those of its transfers.
WITH moved AS (
    SELECT account_id, sum(debit) AS debit, sum(credit) AS credit FROM (
        SELECT debit_id AS account_id, fen AS debit, 0 AS credit FROM transfer
        UNION ALL SELECT credit_id, 0, fen FROM transfer) AS entry
    GROUP BY account_id)
SELECT format('account %%s has debits %%s and credits %%s, its transfers %%s and %%s', COALESCE(a.id, m.account_id), a.debit_fen,
              a.credit_fen, m.debit, m.credit)
FROM account a FULL JOIN moved m ON m.account_id = a.id
WHERE (a.debit_fen, a.credit_fen) IS DISTINCT FROM (COALESCE(m.debit, 0)::bigint, COALESCE(m.credit, 0)::bigint);

-- :name held
-- b. What is held on each account is the sum of its pending holds, and of what rosters that are run have left of theirs.
WITH pending AS (
    SELECT account_id, sum(fen) AS fen FROM (
        SELECT h.account_id, h.fen FROM hold h WHERE NOT EXISTS (SELECT FROM hold_end e WHERE e.hold_id = h.id)
        UNION ALL
        SELECT a.id, (r.report ->> 'premium_fen')::bigint - (
            SELECT COALESCE(sum(l.premium_fen), 0) FROM roster_line l WHERE l.roster_id = r.id)
        FROM roster r JOIN sponsor s ON s.id = r.sponsor_id JOIN account a ON a.kind = 'sponsor' AND a.party = s.name
        WHERE r.state IN ('running', 'paused')) AS held
    GROUP BY account_id)
SELECT format('account %%s holds %%s fen, its pending holds %%s', COALESCE(a.id, p.account_id), a.held_fen, p.fen)
FROM account a FULL JOIN pending p ON p.account_id = a.id
WHERE a.held_fen IS DISTINCT FROM COALESCE(p.fen, 0)::bigint;

-- :name bounds
-- c. No account is beyond its bound.
SELECT format('account %%s (%%s) is overdrawn by %%s fen', id, kind, debit_fen + held_fen - credit_fen - credit_limit_fen) FROM account
WHERE NOT overdraft AND debit_fen + held_fen > credit_fen + credit_limit_fen;

-- :name requests
-- d. Each request was decided once, and each decision answers a request.
SELECT format('request %%s has %%s', COALESCE(r.id, e.request_id), CASE WHEN e.seq IS NULL THEN 'no decision' ELSE 'no key' END)
FROM request r FULL JOIN event e ON e.request_id = r.id
WHERE e.seq IS NULL OR r.id IS NULL;

-- :name one_effect
-- e. No part of a policy was paid twice, and each order is what one purchase decided.
SELECT format('order %%s, policy %%s: %%s paid %%s times from account %%s', order_id, position, kind, count(*), debit_id)
FROM transfer WHERE kind IN ('premium-account', 'premium-cash', 'premium-sponsor')
GROUP BY order_id, position, kind, debit_id HAVING count(*) > 1
UNION ALL
SELECT format('order %%s was not decided by a purchase', o.id) FROM orders o
LEFT JOIN event e ON e.request_id = o.id WHERE e.kind IS DISTINCT FROM 'purchase' OR e.outcome <> 'done'
UNION ALL
SELECT format('purchase of request %%s is done and has no order', e.request_id) FROM event e
LEFT JOIN orders o ON o.id = e.request_id WHERE e.kind = 'purchase' AND e.outcome = 'done' AND o.id IS NULL;

-- :name policies
-- f. A policy in force or surrendered is captured to the fen, one that waits is set aside to the fen, of a void one everything went
-- back.
WITH captured AS (
    SELECT order_id, position, sum(fen) AS fen FROM transfer WHERE kind IN ('premium-account', 'premium-cash', 'premium-sponsor')
    GROUP BY order_id, position),
pending AS (
    SELECT h.order_id, h.position, sum(h.fen) AS fen FROM hold h
    WHERE NOT EXISTS (SELECT FROM hold_end e WHERE e.hold_id = h.id) GROUP BY h.order_id, h.position),
refunded AS (
    SELECT order_id, position, sum(fen) AS fen FROM refund GROUP BY order_id, position)
SELECT format('policy %%s of order %%s is %%s with a premium of %%s fen: %%s captured, %%s held', p.position, p.order_id, p.state,
              p.premium_fen, COALESCE(c.fen, 0), COALESCE(h.fen, 0))
FROM policy p JOIN orders o ON o.id = p.order_id
LEFT JOIN captured c ON c.order_id = p.order_id AND c.position = p.position
LEFT JOIN pending h ON h.order_id = p.order_id AND h.position = p.position
LEFT JOIN refunded r ON r.order_id = p.order_id AND r.position = p.position
WHERE (COALESCE(c.fen, 0), COALESCE(h.fen, 0)) IS DISTINCT FROM CASE
    WHEN p.state IN ('in-force', 'surrendered') THEN (p.premium_fen::numeric, 0::numeric)
    WHEN p.state = 'void' THEN (COALESCE(r.fen, 0), 0::numeric)
    WHEN o.state = 'awaiting-payment' THEN (0::numeric, (p.premium_fen - p.cash_fen)::numeric)
    WHEN o.state = 'awaiting-account' THEN (
        CASE WHEN r.fen > 0 OR EXISTS (SELECT FROM account_posting a WHERE a.order_id = o.id AND a.kind = 'confirm')
             THEN p.cash_fen ELSE 0 END::numeric,
        CASE WHEN EXISTS (SELECT FROM account_posting a WHERE a.order_id = o.id AND a.kind = 'freeze' AND a.state <> 'no')
             THEN p.premium_fen - p.cash_fen ELSE 0 END::numeric)
    ELSE (p.cash_fen::numeric, (p.premium_fen - p.cash_fen)::numeric) END;

-- :name orders
-- f. An order is the sum of its policies, and these are in its state.
SELECT format('order %%s is %%s over %%s fen, its %%s policies %%s over %%s fen', o.id, o.state, o.premium_fen, count(p.*),
              string_agg(DISTINCT p.state, ','), COALESCE(sum(p.premium_fen), 0))
FROM orders o LEFT JOIN policy p ON p.order_id = o.id GROUP BY o.id
HAVING COALESCE(sum(p.premium_fen), -1) <> o.premium_fen OR sum(p.cash_fen) <> o.cash_fen
    OR bool_or(CASE o.state WHEN 'completed' THEN p.state NOT IN ('in-force', 'surrendered') WHEN 'void' THEN p.state <> 'void'
               ELSE p.state <> 'pending' END)
    OR bool_or(p.order_id IS NULL);

-- :name back_to_source
-- f. Each part was paid by who should, to the books of the policy's product: account money by the buyer's own accounts.
SELECT format('transfer %%s of order %%s: %%s by account %%s of %%s', t.id, t.order_id, t.kind, t.debit_id, COALESCE(a.kind, 'nobody'))
FROM transfer t JOIN account a ON a.id = t.debit_id JOIN account c ON c.id = t.credit_id LEFT JOIN orders o ON o.id = t.order_id
LEFT JOIN policy p ON p.order_id = t.order_id AND p.position = t.position
WHERE t.kind IN ('premium-account', 'premium-cash', 'premium-sponsor') AND (
    o.id IS NULL OR c.product IS DISTINCT FROM p.product OR (t.kind = 'premium-account' AND a.owner_id IS DISTINCT FROM o.buyer_id)
    OR (t.kind = 'premium-sponsor' AND a.party IS DISTINCT FROM o.sponsor));

-- :name as_recorded
-- d. Each policy and each order is what the record says was decided, by whom it says.
SELECT format('policy %%s of order %%s is not what event %%s says', p.position, p.order_id, e.seq)
FROM event e
CROSS JOIN LATERAL jsonb_array_elements(convert_from(e.answer, 'UTF8')::jsonb -> 'policies') AS told
JOIN policy p ON p.order_id = split_part(told ->> 'number', '-', 2)::bigint AND p.position = split_part(told ->> 'number', '-', 4)::smallint
WHERE e.outcome = 'done' AND e.kind IN ('purchase', 'payment', 'review') AND (
    (p.insured_id, p.relation, p.premium_fen) <> ((told ->> 'insured')::bigint, told ->> 'relation', (told ->> 'premium_fen')::bigint)
    OR p.tier IS DISTINCT FROM told ->> 'tier'
    OR (told ->> 'state' = 'in-force'
        AND (p.period_from, p.period_to) IS DISTINCT FROM ((told ->> 'period_from')::date, (told ->> 'period_to')::date)))
UNION ALL
SELECT format('order %%s was entered by credential %%s, the record says %%s', o.id, o.credential, e.credential)
FROM orders o JOIN event e ON e.request_id = o.id WHERE o.credential <> e.credential
UNION ALL
SELECT format('order %%s stands under another wording than event %%s says', o.id, e.seq)
FROM orders o JOIN event e ON e.request_id = o.id JOIN offer f ON f.id = o.offer_id
CROSS JOIN LATERAL (SELECT convert_from(e.answer, 'UTF8')::jsonb AS told) AS t
WHERE e.outcome = 'done' AND (f.product, encode(f.terms_digest, 'hex'), encode(f.plan_digest, 'hex'), f.engine)
    IS DISTINCT FROM (told ->> 'product', told ->> 'terms_digest', told ->> 'plan_digest', told ->> 'engine');

-- :name returns
-- f. A payment that was not taken goes back.
SELECT format('the payment of event %%s was not taken, and has not gone back since %%s', e.seq, e.at) FROM event e
WHERE e.kind = 'payment' AND e.outcome <> 'done' AND e.at < %(overdue)s
  AND NOT EXISTS (SELECT FROM payment_return r WHERE r.seq = e.seq);

-- :name pool
-- g. The pool's premium is that of the policies, what was returned is what went back to them under their own shares, and its steps
-- lead to it without a gap.
WITH sold AS (
    SELECT product, share AS version, sum(premium_fen) AS fen FROM policy WHERE state IN ('in-force', 'surrendered')
    GROUP BY product, share),
returned AS (
    SELECT p.product, p.share AS version, sum(r.fen) AS fen
    FROM refund r JOIN policy p ON p.order_id = r.order_id AND p.position = r.position AND p.state = 'surrendered'
    GROUP BY p.product, p.share)
SELECT format('pool of %%s version %%s has %%s fen of premium, its policies %%s', COALESCE(t.product, s.product),
              COALESCE(t.version, s.version), t.fen, s.fen)
FROM (SELECT * FROM pool_total WHERE stream = 'premium') t FULL JOIN sold s ON s.product = t.product AND s.version = t.version
WHERE t.fen IS DISTINCT FROM COALESCE(s.fen, 0)::bigint
UNION ALL
SELECT format('pool of %%s version %%s has %%s fen of returned premium, refunds %%s', COALESCE(t.product, r.product),
              COALESCE(t.version, r.version), t.fen, r.fen)
FROM (SELECT * FROM pool_total WHERE stream = 'premium-returned') t
FULL JOIN returned r ON r.product = t.product AND r.version = t.version
WHERE t.fen IS DISTINCT FROM COALESCE(r.fen, 0)::bigint
UNION ALL
SELECT format('pool of %%s version %%s, %%s: a step of %%s fen does not lead to %%s', product, version, stream, fen, total_fen)
FROM (SELECT *, lag(total_fen, 1, 0::bigint) OVER (PARTITION BY product, version, stream ORDER BY total_fen) AS before
      FROM pool_entry) AS step
WHERE before + fen <> total_fen
UNION ALL
SELECT format('pool of %%s version %%s, %%s: %%s fen, its steps lead to %%s', t.product, t.version, t.stream, t.fen, e.fen)
FROM pool_total t LEFT JOIN (
    SELECT product, version, stream, max(total_fen) AS fen FROM pool_entry GROUP BY product, version, stream) e
    ON e.product = t.product AND e.version = t.version AND e.stream = t.stream
WHERE t.fen <> COALESCE(e.fen, 0);

-- :name holds
-- h. A hold is posted with its transfer, voided with its order, or waits for an order that waits, within its time.
SELECT format('hold %%s of order %%s is %%s, the order is %%s', h.id, h.order_id, COALESCE(e.how, 'pending'), COALESCE(o.state, 'gone'))
FROM hold h LEFT JOIN hold_end e ON e.hold_id = h.id LEFT JOIN orders o ON o.id = h.order_id
WHERE (COALESCE(e.how, 'pending') <> CASE o.state WHEN 'completed' THEN 'posted' WHEN 'void' THEN 'voided' ELSE 'pending' END
   -- What another system would not set aside was let go, and set aside anew.
   AND NOT (e.how = 'voided' AND EXISTS (
       SELECT FROM account_posting p WHERE p.order_id = h.order_id AND p.try = h.try AND p.kind = 'freeze' AND p.state = 'no')))
   OR o.id IS NULL
UNION ALL
SELECT format('hold %%s over %%s fen was posted without its transfer', h.id, h.fen)
FROM hold h JOIN hold_end e ON e.hold_id = h.id AND e.how = 'posted'
WHERE NOT EXISTS (
    SELECT FROM transfer t JOIN account a ON a.id = h.account_id
    WHERE t.person_id = a.owner_id AND t.order_id = h.order_id AND t.position = h.position AND t.debit_id = h.account_id AND t.fen = h.fen)
UNION ALL
SELECT format('order %%s waits since %%s for a payment that was due by %%s', id, at, deadline)
FROM orders WHERE state = 'awaiting-payment' AND (deadline IS NULL OR deadline < %(overdue)s);

-- :name years
-- i. What counts against a person's limit year is what the accounts paid in it and hold for it, less what was undone in full before
-- its start in the same year.
WITH spent AS (
    SELECT person_id, year, sum(fen) AS fen FROM (
        SELECT person_id, EXTRACT(year FROM at AT TIME ZONE 'Asia/Shanghai')::smallint, fen FROM transfer WHERE kind = 'premium-account'
        UNION ALL
        SELECT o.buyer_id, r.limit_year, -r.fen FROM refund r JOIN orders o ON o.id = r.order_id WHERE r.limit_year IS NOT NULL
    ) AS counted (person_id, year, fen) GROUP BY 1, 2),
pending AS (
    SELECT a.owner_id AS person_id, y.year, sum(h.fen) AS fen
    FROM hold h JOIN account a ON a.id = h.account_id CROSS JOIN unnest(h.years) AS y (year)
    WHERE NOT EXISTS (SELECT FROM hold_end e WHERE e.hold_id = h.id) GROUP BY 1, 2)
SELECT format('person %%s, %%s: %%s fen counted and %%s held, the books say %%s and %%s', COALESCE(y.person_id, s.person_id, p.person_id),
              COALESCE(y.year, s.year, p.year), y.spent_fen, y.held_fen, s.fen, p.fen)
FROM account_year y
FULL JOIN spent s ON s.person_id = y.person_id AND s.year = y.year
FULL JOIN pending p ON p.person_id = COALESCE(y.person_id, s.person_id) AND p.year = COALESCE(y.year, s.year)
WHERE (y.spent_fen, y.held_fen) IS DISTINCT FROM (COALESCE(s.fen, 0)::bigint, COALESCE(p.fen, 0)::bigint);

-- :name yearly_limit
-- i. Nobody's accounts paid more in a year than the scheme lets them.
SELECT format('person %%s, %%s: %%s fen paid and held, the limit is %%s', y.person_id, y.year, y.spent_fen + y.held_fen, l.fen)
FROM account_year y JOIN unnest(%(years)s::smallint[], %(limits)s::bigint[]) AS l (year, fen) ON l.year = y.year
WHERE y.spent_fen + y.held_fen > l.fen;

-- :name limit_years
-- The years that count.
SELECT DISTINCT year FROM account_year ORDER BY year;

-- :name orphans
-- What foreign keys would hold, where they would cost every purchase: each row's parent is there.
SELECT format('transfer %%s speaks of an account that is not there', t.id) FROM transfer t
WHERE NOT EXISTS (SELECT FROM account a WHERE a.id = t.debit_id) OR NOT EXISTS (SELECT FROM account a WHERE a.id = t.credit_id)
UNION ALL
SELECT format('hold %%s speaks of an account that is not there', h.id) FROM hold h
WHERE NOT EXISTS (SELECT FROM account a WHERE a.id = h.account_id)
UNION ALL
SELECT format('the end of hold %%s has no hold', e.hold_id) FROM hold_end e WHERE NOT EXISTS (SELECT FROM hold h WHERE h.id = e.hold_id)
UNION ALL
SELECT format('policy %%s of order %%s has no order', p.position, p.order_id) FROM policy p
WHERE NOT EXISTS (SELECT FROM orders o WHERE o.id = p.order_id)
UNION ALL
SELECT format('order %%s speaks of an offer that is not there', o.id) FROM orders o
WHERE NOT EXISTS (SELECT FROM offer f WHERE f.id = o.offer_id)
UNION ALL
SELECT format('policy %%s of order %%s insures nobody known', p.position, p.order_id) FROM policy p
WHERE NOT EXISTS (SELECT FROM person n WHERE n.id = p.insured_id)
UNION ALL
SELECT format('policy %%s of order %%s has no shares of version %%s', p.position, p.order_id, p.share) FROM policy p
WHERE NOT EXISTS (SELECT FROM pool_share s WHERE s.product = p.product AND s.version = p.share)
UNION ALL
SELECT format('account %%s belongs to nobody known', a.id) FROM account a
WHERE a.owner_id IS NOT NULL AND NOT EXISTS (SELECT FROM person n WHERE n.id = a.owner_id);

-- :name links
-- The chain as it was linked, and where it stands.
SELECT number, first_seq, last_seq, head FROM link ORDER BY number;

-- :name head
-- Where the chain stands.
SELECT number, seq, head FROM chain_head;

-- :name events
-- The record, in order.
SELECT seq, request_id, at, kind, outcome, credential, person_id, answer, sealed, digest FROM event ORDER BY seq;

-- :name rule_texts
-- Rule texts, to see that each is what its digest says.
SELECT digest, kind, name, body FROM rule_text ORDER BY kind, name;

-- :name pool_shares
-- Totals and weights, to see that the members' parts add up.
SELECT t.product, t.version, t.stream, t.fen, array_agg(s.weight ORDER BY s.position)
FROM pool_total t JOIN pool_share s ON s.product = t.product AND s.version = t.version
GROUP BY t.product, t.version, t.stream, t.fen ORDER BY 1, 2, 3;
