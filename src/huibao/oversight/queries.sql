-- Account money as the books stood before an instant. What moved is never changed or deleted, so any day can be asked for again:
-- a movement counts from its own `at` on, a hold from its making to its end. Amounts are of one account and one policy:
--   held       set aside for an order that waits, and nothing yet done with it
--   captured   left the account, into the product's clearing account
--   reversed   went back from there to the account, less what the account did not take
--   remitted   went on from there to the insurer, less what came back
--   refunded   went back from the insurer to the account, less what the account did not take
--   elsewhere  went back from the insurer another way, where the account could not take it

-- :name report
-- Account money in all, by product, insurer, account or month of what moved; of one product or area where one is named. In each row, and
-- in the only one where nothing moved, stands the same off the transfers alone, whatever orders say: what moved between people's accounts
-- and products', and what is in clearing. It is one statement: what is committed while it runs is in both or in neither.
WITH moved (order_id, position, account_id, at, held, captured, reversed, remitted, refunded, elsewhere) AS (
    SELECT h.order_id, h.position, h.account_id, h.at, h.fen, 0, 0, 0, 0, 0 FROM hold h
    WHERE h.at < %(until)s AND NOT EXISTS (SELECT FROM hold_end e WHERE e.hold_id = h.id AND e.at < %(until)s)
    UNION ALL
    SELECT order_id, position, debit_id, at, 0, fen, 0, 0, 0, 0 FROM transfer WHERE kind = 'premium-account' AND at < %(until)s
    UNION ALL
    SELECT order_id, position, credit_id, at, 0, 0, fen, 0, 0, 0 FROM transfer WHERE kind = 'refund-reversed' AND at < %(until)s
    UNION ALL
    SELECT order_id, position, debit_id, at, 0, 0, -fen, 0, 0, 0 FROM transfer WHERE kind = 'reversal-declined' AND at < %(until)s
    UNION ALL
    SELECT order_id, position, account_id, paid_at, 0, 0, 0, fen, 0, 0 FROM remittance_line WHERE paid_at < %(until)s
    UNION ALL
    SELECT order_id, position, account_id, failed_at, 0, 0, 0, -fen, 0, 0 FROM remittance_line
    WHERE paid_at IS NOT NULL AND failed_at < %(until)s
    UNION ALL
    SELECT order_id, position, credit_id, at, 0, 0, 0, 0, fen, 0 FROM transfer WHERE kind = 'refund-account' AND at < %(until)s
    UNION ALL
    SELECT order_id, position, debit_id, at, 0, 0, 0, 0, -fen, 0 FROM transfer WHERE kind = 'refund-declined' AND at < %(until)s
    UNION ALL
    SELECT r.order_id, r.position, a.id, t.at, 0, 0, 0, 0, 0, t.fen
    FROM transfer t JOIN refund r ON r.id = t.refund_id AND r.source IN ('personal', 'savings')
    JOIN orders o ON o.id = r.order_id JOIN account a ON a.owner_id = o.buyer_id AND a.kind = r.source
    WHERE t.kind = 'refund-elsewhere' AND t.at < %(until)s),
totals AS (
    SELECT CASE %(by)s WHEN 'product' THEN p.product WHEN 'insurer' THEN d.lead WHEN 'account' THEN a.kind
                       ELSE to_char(m.at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM') END AS key,
           count(DISTINCT (m.order_id, m.position)) AS policies, sum(m.held)::bigint AS held, sum(m.captured)::bigint AS captured,
           sum(m.reversed)::bigint AS reversed, sum(m.remitted)::bigint AS remitted, sum(m.refunded)::bigint AS refunded,
           sum(m.elsewhere)::bigint AS elsewhere
    FROM moved m
    JOIN policy p ON p.order_id = m.order_id AND p.position = m.position
    JOIN product d ON d.id = p.product
    JOIN account a ON a.id = m.account_id
    JOIN person n ON n.id = a.owner_id
    WHERE (%(product)s = '' OR p.product = %(product)s) AND (%(area)s = '' OR n.area = %(area)s)
    GROUP BY 1),
posted AS (
    SELECT t.kind, t.fen FROM transfer t
    JOIN account a ON a.id = CASE WHEN t.kind IN ('premium-account', 'remittance-returned', 'reversal-declined', 'refund-declined')
                                  THEN t.credit_id ELSE t.debit_id END
    WHERE t.kind IN ('premium-account', 'refund-reversed', 'reversal-declined', 'premium-remitted', 'remittance-returned',
                     'refund-account', 'refund-declined')
      AND t.at < %(until)s AND (%(product)s = '' OR a.product = %(product)s)),
clearing AS (SELECT id FROM account WHERE kind = 'clearing' AND (%(product)s = '' OR product = %(product)s)),
ledger AS (
    SELECT COALESCE(sum(fen) FILTER (WHERE kind = 'premium-account'), 0)::bigint AS captured,
           COALESCE(sum(CASE kind WHEN 'refund-reversed' THEN fen ELSE -fen END)
                    FILTER (WHERE kind IN ('refund-reversed', 'reversal-declined')), 0)::bigint AS reversed,
           COALESCE(sum(CASE kind WHEN 'premium-remitted' THEN fen ELSE -fen END)
                    FILTER (WHERE kind IN ('premium-remitted', 'remittance-returned')), 0)::bigint AS remitted,
           COALESCE(sum(CASE kind WHEN 'refund-account' THEN fen ELSE -fen END)
                    FILTER (WHERE kind IN ('refund-account', 'refund-declined')), 0)::bigint AS refunded,
           (SELECT COALESCE(sum(fen), 0)::bigint FROM transfer WHERE credit_id IN (SELECT id FROM clearing) AND at < %(until)s)
           - (SELECT COALESCE(sum(fen), 0)::bigint FROM transfer WHERE debit_id IN (SELECT id FROM clearing) AND at < %(until)s) AS clearing
    FROM posted)
SELECT t.key, t.policies, t.held, t.captured, t.reversed, t.remitted, t.refunded, t.elsewhere,
       l.captured, l.reversed, l.remitted, l.refunded, l.clearing
FROM ledger l LEFT JOIN totals t ON true ORDER BY t.key;

-- :name page
-- The next policies that account money was asked for, by order and position, and what became of it, account by account. Who asked for the
-- first time in a system that keeps accounts elsewhere has none here yet: the policy counts all the same, or a page would seem the last.
SELECT p.order_id, p.position, o.at, p.product, d.lead, a.kind, h.fen, c.fen, v.fen, r.fen, f.fen, e.fen
FROM (
    SELECT p.order_id, p.position, p.product FROM policy p JOIN orders o ON o.id = p.order_id JOIN person n ON n.id = o.buyer_id
    WHERE (p.order_id, p.position) > (%(order)s, %(position)s) AND p.premium_fen > p.cash_fen AND o.pay_with = 'account'
      AND o.at < %(until)s AND (%(product)s = '' OR p.product = %(product)s) AND (%(area)s = '' OR n.area = %(area)s)
      AND (%(buyer)s = 0 OR o.buyer_id = %(buyer)s)
    ORDER BY p.order_id, p.position LIMIT %(most)s) AS p
JOIN orders o ON o.id = p.order_id
JOIN product d ON d.id = p.product
LEFT JOIN account a ON a.owner_id = o.buyer_id AND a.kind IN ('personal', 'savings')
CROSS JOIN LATERAL (
    SELECT COALESCE(sum(h.fen), 0)::bigint AS fen FROM hold h
    WHERE h.order_id = p.order_id AND h.position = p.position AND h.account_id = a.id AND h.at < %(until)s
      AND NOT EXISTS (SELECT FROM hold_end e WHERE e.hold_id = h.id AND e.at < %(until)s)) AS h
CROSS JOIN LATERAL (
    SELECT COALESCE(sum(t.fen), 0)::bigint AS fen FROM transfer t
    WHERE t.person_id = o.buyer_id AND t.order_id = p.order_id AND t.position = p.position AND t.debit_id = a.id
      AND t.kind = 'premium-account' AND t.at < %(until)s) AS c
CROSS JOIN LATERAL (
    SELECT COALESCE(sum(CASE t.kind WHEN 'refund-reversed' THEN t.fen ELSE -t.fen END), 0)::bigint AS fen
    FROM refund f JOIN transfer t ON t.refund_id = f.id
    WHERE f.order_id = p.order_id AND f.position = p.position AND f.source = a.kind
      AND t.kind IN ('refund-reversed', 'reversal-declined') AND t.at < %(until)s) AS v
CROSS JOIN LATERAL (
    SELECT COALESCE(sum(l.fen), 0)::bigint AS fen FROM remittance_line l
    WHERE l.order_id = p.order_id AND l.position = p.position AND l.account_id = a.id AND l.paid_at < %(until)s
      AND (l.failed_at IS NULL OR l.failed_at >= %(until)s)) AS r
CROSS JOIN LATERAL (
    SELECT COALESCE(sum(CASE t.kind WHEN 'refund-account' THEN t.fen ELSE -t.fen END), 0)::bigint AS fen
    FROM refund f JOIN transfer t ON t.refund_id = f.id
    WHERE f.order_id = p.order_id AND f.position = p.position AND f.source = a.kind
      AND t.kind IN ('refund-account', 'refund-declined') AND t.at < %(until)s) AS f
CROSS JOIN LATERAL (
    SELECT COALESCE(sum(t.fen), 0)::bigint AS fen FROM refund f JOIN transfer t ON t.refund_id = f.id
    WHERE f.order_id = p.order_id AND f.position = p.position AND f.source = a.kind AND t.kind = 'refund-elsewhere'
      AND t.at < %(until)s) AS e
ORDER BY p.order_id, p.position, a.kind;

-- :name holder
-- Who is insured by a policy that was issued, sealed, with what a check of it may say.
SELECT p.insured_id, n.name_sealed, k.wrapped, p.state, p.period_from, p.product
FROM policy p JOIN person n ON n.id = p.insured_id LEFT JOIN person_key k ON k.person_id = p.insured_id
WHERE p.order_id = %(order)s AND p.position = %(position)s AND p.state IN ('in-force', 'surrendered');
