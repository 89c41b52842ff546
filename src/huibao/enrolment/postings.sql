-- :name postings_of_orders
-- What the system that keeps the accounts was asked for these orders; their people are locked, and with them these rows.
SELECT order_id, person_id, kind, try, personal_fen, savings_fen, state, id FROM account_posting
WHERE order_id = ANY(%(orders)s::bigint[]) AND kind <> 'credit' ORDER BY id;

-- :name open_mirrors
-- The accounts of buyers whose money another system keeps: ours say only what went through us, so nothing bounds them here.
INSERT INTO account (owner_id, kind, overdraft)
SELECT o.buyer_id, k.kind, true FROM (SELECT DISTINCT buyer_id FROM orders WHERE id = ANY(%(orders)s::bigint[])) AS o,
    (VALUES ('personal'), ('savings')) AS k (kind)
ON CONFLICT DO NOTHING;

-- :name insert_postings
-- What is asked for.
INSERT INTO account_posting (at, kind, order_id, person_id, try, personal_fen, savings_fen, personal_free_fen, savings_free_fen, state)
SELECT %(at)s, u.kind, u.order_id, u.person_id, u.try, u.personal, u.savings, u.personal_free, u.savings_free, 'wanted'
FROM unnest(%(kinds)s::text[], %(orders)s::bigint[], %(people)s::bigint[], %(tries)s::smallint[], %(personal)s::bigint[],
            %(savings)s::bigint[], %(personal_free)s::bigint[], %(savings_free)s::bigint[])
     AS u (kind, order_id, person_id, try, personal, savings, personal_free, savings_free);

-- :name know_postings
-- What became of it.
UPDATE account_posting p SET state = u.state, reason = u.reason, their_at = u.their, ended_at = %(at)s
FROM unnest(%(ids)s::bigint[], %(states)s::text[], %(reasons)s::text[], %(their)s::timestamptz[]) AS u (id, state, reason, their)
WHERE p.id = u.id AND p.state IN ('wanted', 'sent');

-- :name balances_wanted
-- Orders of which it is to be decided what the accounts pay, and the how-manieth time it is asked. One at a time of each buyer, while
-- nothing else is asked of the accounts: what is free is not to change under its hands by our own doing.
SELECT o.id, n.psn_no, 1 + COALESCE((SELECT max(p.try) FROM account_posting p WHERE p.order_id = o.id AND p.kind = 'freeze'), 0)
FROM orders o JOIN person n ON n.id = o.buyer_id
WHERE o.state = 'awaiting-account' AND o.id > %(after)s
  AND NOT EXISTS (SELECT FROM account_posting p WHERE p.person_id = o.buyer_id AND p.state IN ('wanted', 'sent'))
  AND NOT EXISTS (SELECT FROM orders e WHERE e.buyer_id = o.buyer_id AND e.state = 'awaiting-account' AND e.id < o.id)
ORDER BY o.id LIMIT %(most)s;

-- :name postings_waiting
-- What is wanted, or was sent and is not known, the oldest first. Nothing is set aside any more for an order that is given up.
SELECT p.id, p.kind, p.order_id, n.psn_no, p.try, p.personal_fen, p.savings_fen, p.personal_free_fen, p.savings_free_fen, p.state,
       (SELECT t.refund_id FROM transfer t WHERE t.id = p.transfer_id)
FROM account_posting p JOIN person n ON n.id = p.person_id
WHERE p.state IN ('wanted', 'sent') AND p.id > %(after)s
  AND NOT (p.kind = 'freeze' AND EXISTS (
      SELECT FROM account_posting c WHERE c.order_id = p.order_id AND c.try = p.try AND c.kind = 'cancel'))
ORDER BY p.id LIMIT %(most)s;

-- :name postings_sent
-- They are about to be sent: from now on it is not known what became of them until it is answered. Those that are known by now are not.
UPDATE account_posting SET state = 'sent', sent_at = COALESCE(sent_at, %(at)s)
WHERE id = ANY(%(postings)s::bigint[]) AND state IN ('wanted', 'sent') RETURNING id;

-- :name overdue
-- Orders whose time to wait for their accounts is over, while nothing is being taken or let go; by the index of what waits.
SELECT o.id, o.deadline FROM orders o
WHERE o.state = 'awaiting-account' AND o.deadline <= %(at)s AND o.id > %(after)s
  AND NOT EXISTS (SELECT FROM account_posting c WHERE c.order_id = o.id AND c.kind = 'cancel')
ORDER BY o.id + 0 LIMIT %(most)s;

-- :name want_credits
-- Refunds that reached an account which another system keeps and that it was not asked to credit yet.
INSERT INTO account_posting (at, kind, order_id, person_id, try, transfer_id, personal_fen, savings_fen, state)
SELECT %(at)s, 'credit', t.order_id, a.owner_id, f.try, t.id, CASE a.kind WHEN 'personal' THEN t.fen ELSE 0 END,
       CASE a.kind WHEN 'savings' THEN t.fen ELSE 0 END, 'wanted'
FROM transfer t JOIN account a ON a.id = t.credit_id AND a.owner_id IS NOT NULL
JOIN account_posting f ON f.order_id = t.order_id AND f.kind = 'confirm' AND f.state = 'yes'
WHERE t.refund_id IS NOT NULL AND t.kind IN ('refund-reversed', 'refund-account') AND t.at >= %(since)s
ON CONFLICT DO NOTHING RETURNING transfer_id;

-- :name credit_known
-- A credit that the account took; nothing else moves on it.
UPDATE account_posting SET state = 'yes', their_at = %(their_at)s, ended_at = %(at)s
WHERE id = %(posting)s AND kind = 'credit' AND state IN ('wanted', 'sent') RETURNING id;
