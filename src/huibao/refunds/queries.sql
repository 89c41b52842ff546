-- :name lock_references
-- The references of insurers' banks, whether anybody has them yet or not; in order, before the people.
SELECT pg_advisory_xact_lock(number) FROM unnest(%(numbers)s::bigint[]) AS number;

-- :name new_numbers
-- Numbers for the refunds of surrenders to come; what is refused leaves gaps.
SELECT nextval('refund_id_seq') FROM generate_series(1, %(count)s::int);

-- :name lock_people
-- Who holds and who is insured by the policies of a batch, named or by their refunds and repayments, locked in order of id: with
-- each, all that is scarce about the person.
WITH named (id) AS (
    SELECT unnest(%(orders)s::bigint[])
    UNION SELECT order_id FROM refund WHERE id = ANY(%(refunds)s::bigint[])
    UNION SELECT r.order_id FROM repayment_line l JOIN refund r ON r.id = l.refund_id WHERE l.repayment_id = ANY(%(repayments)s::bigint[]))
SELECT p.id, p.area, p.died, k.wrapped
FROM person p LEFT JOIN person_key k ON k.person_id = p.id
WHERE p.id IN (
    SELECT buyer_id FROM orders WHERE id IN (SELECT id FROM named)
    UNION SELECT insured_id FROM policy WHERE order_id IN (SELECT id FROM named))
ORDER BY p.id FOR NO KEY UPDATE OF p;

-- :name lock_products
-- Their products, in order, shared: a batch of account money that lists them, or brings them back, waits, and is waited for.
SELECT id FROM product WHERE id IN (
    SELECT product FROM policy WHERE order_id IN (
        SELECT unnest(%(orders)s::bigint[])
        UNION SELECT order_id FROM refund WHERE id = ANY(%(refunds)s::bigint[])
        UNION
        SELECT r.order_id FROM repayment_line l JOIN refund r ON r.id = l.refund_id WHERE l.repayment_id = ANY(%(repayments)s::bigint[])))
ORDER BY id FOR SHARE;

-- :name repayments
-- Repayments that commands name, after the people whose refunds they list.
SELECT r.id, r.insurer, r.reference, r.fen, r.state,
       (SELECT array_agg(l.refund_id ORDER BY l.refund_id) FROM repayment_line l WHERE l.repayment_id = r.id)
FROM repayment r WHERE r.id = ANY(%(repayments)s::bigint[]) ORDER BY r.id FOR NO KEY UPDATE OF r;

-- :name references
-- Bank references that stand in a repayment, or under which a refund was paid elsewhere.
SELECT insurer, reference, id, NULL::bigint FROM repayment WHERE reference = ANY(%(references)s::text[]) AND state <> 'disputed'
UNION ALL
SELECT paid_by, reference, NULL, id FROM refund WHERE reference = ANY(%(references)s::text[]);

-- :name credits
-- What the system that keeps accounts was asked to credit: of which refund, how much, out of where, and whether its answer is awaited.
SELECT p.id, t.refund_id, t.fen, t.kind = 'refund-reversed', p.state IN ('wanted', 'sent')
FROM account_posting p JOIN transfer t ON t.id = p.transfer_id WHERE p.kind = 'credit' AND p.id = ANY(%(postings)s::bigint[]);

-- :name lock_sponsors
-- Prepaid accounts of the sponsors of these orders, in order of id.
SELECT a.id, a.owner_id, a.kind, a.product, a.party, a.overdraft, a.state, a.credit_fen - a.debit_fen, a.held_fen FROM account a
WHERE a.kind = 'sponsor' AND a.party IN (SELECT sponsor FROM orders WHERE id = ANY(%(orders)s::bigint[]) AND sponsor IS NOT NULL)
ORDER BY a.id FOR NO KEY UPDATE;

-- :name refunds
-- Refunds that commands name or their repayments list, with who confirmed that they cannot go back, where else they were last accepted
-- to be paid, in which repayment they stand, what is open about them, whether their account declined them and where the money is since.
SELECT r.id, r.order_id, r.position, r.source, r.fen, r.state, r.limit_year,
       (SELECT array_agg(c.credential ORDER BY c.request_id) FROM refund_confirmation c
        WHERE c.refund_id = r.id AND c.withdrawn_at IS NULL),
       (SELECT array_agg(c.reason ORDER BY c.request_id) FROM refund_confirmation c WHERE c.refund_id = r.id AND c.withdrawn_at IS NULL),
       (SELECT max(a.request_id) FROM refund_acceptance a WHERE a.refund_id = r.id),
       (SELECT l.repayment_id FROM repayment_line l WHERE l.refund_id = r.id AND r.declined IS NULL),
       (SELECT o.cause FROM open_case o WHERE o.refund_id = r.id AND o.closed_at IS NULL), r.declined,
       (SELECT CASE l.state WHEN 'listed' THEN 'listed' WHEN 'paid' THEN 'remitted' ELSE 'unlisted' END
        FROM transfer t LEFT JOIN remittance_line l ON l.transfer_id = t.id AND l.state <> 'failed'
        WHERE t.refund_id = r.id AND t.kind = 'reversal-declined'), r.paid_by, r.reference
FROM refund r
WHERE r.id IN (
    SELECT unnest(%(refunds)s::bigint[])
    UNION SELECT l.refund_id FROM repayment_line l WHERE l.repayment_id = ANY(%(repayments)s::bigint[]))
ORDER BY r.id;

-- :name policies
-- Policies of these orders with what stands of their settlements: whether there ever was one, what they paid, one that is open.
SELECT p.order_id, p.position, o.buyer_id, p.insured_id, o.offer_id, p.product, d.lead, o.sponsor, p.premium_fen, p.share, p.state,
       p.period_from, p.period_to, p.ended_on, s.settled, s.benefit_fen, s.open
FROM policy p JOIN orders o ON o.id = p.order_id JOIN product d ON d.id = p.product
CROSS JOIN LATERAL (
    SELECT count(*) > 0 AS settled,
           COALESCE(sum(y.posted_fen) FILTER (WHERE s.state IN ('offered', 'confirmed')), 0)::bigint AS benefit_fen,
           min(s.id) FILTER (WHERE s.state = 'offered' OR s.adjust_at IS NOT NULL
               OR EXISTS (SELECT FROM open_case c WHERE c.settlement_id = s.id AND c.closed_at IS NULL)
               OR EXISTS (SELECT FROM payout t WHERE t.settlement_id = s.id AND t.product = y.product
                                               AND t.state IN ('due', 'sent', 'returned'))) AS open
    FROM payment y JOIN settlement s ON s.id = y.settlement_id
    WHERE y.order_id = p.order_id AND y.position = p.position) AS s
WHERE p.order_id = ANY(%(orders)s::bigint[])
ORDER BY p.order_id, p.position;

-- :name parts
-- What paid for these policies: each movement with its account, its day, and where account money stands now.
SELECT t.order_id, t.position, a.kind, t.id, a.id, t.fen, (t.at AT TIME ZONE 'Asia/Shanghai')::date,
       CASE (SELECT l.state FROM remittance_line l WHERE l.transfer_id = t.id AND l.state <> 'failed')
           WHEN 'listed' THEN 'listed' WHEN 'paid' THEN 'remitted' ELSE 'unlisted' END
FROM orders o JOIN transfer t ON t.person_id = o.buyer_id AND t.order_id = o.id
JOIN account a ON a.id = t.debit_id
WHERE o.id = ANY(%(orders)s::bigint[]) AND t.kind IN ('premium-account', 'premium-cash', 'premium-sponsor')
ORDER BY t.id;

-- :name end_policies
-- Policies that end early.
UPDATE policy p SET state = 'surrendered', ended_on = u.ended_on
FROM unnest(%(orders)s::bigint[], %(positions)s::smallint[], %(ended)s::date[]) AS u (order_id, position, ended_on)
WHERE p.order_id = u.order_id AND p.position = u.position;

-- :name insert_refunds
-- What goes back.
INSERT INTO refund (id, request_id, at, order_id, position, source, fen, state, limit_year, ended_at)
SELECT u.id, u.request, %(at)s, u.order_id, u.position, u.source, u.fen, u.state, u.year, CASE WHEN u.state = 'done' THEN %(at)s END
FROM unnest(%(ids)s::bigint[], %(requests)s::bigint[], %(orders)s::bigint[], %(positions)s::smallint[], %(sources)s::text[],
            %(fen)s::bigint[], %(states)s::text[], %(years)s::smallint[])
     AS u (id, request, order_id, position, source, fen, state, year);

-- :name move_refunds
-- Refunds that went on.
UPDATE refund r SET state = u.state, ended_at = CASE WHEN u.state = 'done' THEN %(at)s END, declined = u.declined, paid_by = u.paid_by,
       reference = u.reference
FROM unnest(%(ids)s::bigint[], %(states)s::text[], %(declined)s::text[], %(paid_by)s::text[], %(references)s::text[])
     AS u (id, state, declined, paid_by, reference) WHERE r.id = u.id;

-- :name know_credits
-- Credits that the system which keeps the accounts declined.
UPDATE account_posting p SET state = 'no', reason = u.reason, their_at = u.their, ended_at = %(at)s
FROM unnest(%(ids)s::bigint[], %(reasons)s::text[], %(their)s::timestamptz[]) AS u (id, reason, their)
WHERE p.id = u.id AND p.kind = 'credit' AND p.state IN ('wanted', 'sent');

-- :name withdraw_confirmations
-- Clerks who took back what they had confirmed.
UPDATE refund_confirmation c SET withdrawn_at = %(at)s
FROM unnest(%(refunds)s::bigint[], %(credentials)s::bigint[]) AS u (refund, credential)
WHERE c.refund_id = u.refund AND c.credential = u.credential AND c.withdrawn_at IS NULL;

-- :name insert_confirmations
-- Clerks who confirmed that an account cannot be credited, or what a cash channel did; some took that back at once.
INSERT INTO refund_confirmation (refund_id, credential, request_id, at, reason, withdrawn_at)
SELECT u.refund, u.credential, u.request, %(at)s, u.reason, CASE WHEN u.withdrawn = 1 THEN %(at)s END
FROM unnest(%(refunds)s::bigint[], %(credentials)s::bigint[], %(requests)s::bigint[], %(reasons)s::text[], %(withdrawn)s::bigint[])
     AS u (refund, credential, request, reason, withdrawn);

-- :name insert_acceptances
-- How members or heirs accept to be paid.
INSERT INTO refund_acceptance (request_id, refund_id, at, by, credential)
SELECT u.request, u.refund, %(at)s, u.by, u.credential
FROM unnest(%(requests)s::bigint[], %(refunds)s::bigint[], %(bys)s::text[], %(credentials)s::bigint[])
     AS u (request, refund, by, credential);

-- :name insert_repayments
-- What insurers say that they paid back.
INSERT INTO repayment (id, at, insurer, reference, count, fen, state, answered_at)
SELECT u.id, %(at)s, u.insurer, u.reference, u.count, u.fen, u.state, CASE WHEN u.state <> 'told' THEN %(at)s END
FROM unnest(%(ids)s::bigint[], %(insurers)s::text[], %(references)s::text[], %(counts)s::integer[], %(fen)s::bigint[], %(states)s::text[])
     AS u (id, insurer, reference, count, fen, state);

-- :name insert_repayment_lines
-- Which refunds.
INSERT INTO repayment_line (refund_id, repayment_id) SELECT * FROM unnest(%(refunds)s::bigint[], %(repayments)s::bigint[]);

-- :name answer_repayments
-- What the agency says of them.
UPDATE repayment r SET state = u.state, answered_at = %(at)s
FROM unnest(%(ids)s::bigint[], %(states)s::text[]) AS u (id, state) WHERE r.id = u.id;

-- :name release_lines
-- What a disputed repayment listed is owed again.
DELETE FROM repayment_line WHERE repayment_id = ANY(%(repayments)s::bigint[]);

-- :name insert_cases
-- Refunds that somebody has to look into.
INSERT INTO open_case (at, kind, cause, order_id, position, product, refund_id, fen)
SELECT %(at)s, 'refund', u.cause, u.order_id, u.position, u.product, u.refund, u.fen
FROM unnest(%(causes)s::text[], %(orders)s::bigint[], %(positions)s::smallint[], %(products)s::text[], %(refunds)s::bigint[],
            %(fen)s::bigint[]) AS u (cause, order_id, position, product, refund, fen);

-- :name close_cases
-- Refunds that reached somebody.
UPDATE open_case c SET closed_at = %(at)s, outcome = u.outcome
FROM unnest(%(refunds)s::bigint[], %(causes)s::text[], %(outcomes)s::text[]) AS u (refund, cause, outcome)
WHERE c.refund_id = u.refund AND c.cause = u.cause AND c.closed_at IS NULL;

-- ── what the service does by itself ─────────────────────────────────────────────────────────────────────────────────

-- :name to_resolve
-- Refunds of account money of which something is new: their batch was answered, or what was remitted came back. What stands in a
-- repayment waits for its answer.
SELECT r.id, COALESCE(l.state, 'none'), COALESCE(l.remittance_id, 0)
FROM refund r JOIN orders o ON o.id = r.order_id
JOIN account a ON a.owner_id = o.buyer_id AND a.kind = r.source
CROSS JOIN LATERAL (
    SELECT t.id FROM transfer t
    WHERE t.person_id = o.buyer_id AND t.order_id = r.order_id AND t.position = r.position AND t.debit_id = a.id
      AND (t.kind = 'premium-account' OR (t.kind = 'reversal-declined' AND t.refund_id = r.id)) ORDER BY t.id DESC LIMIT 1) AS t
LEFT JOIN LATERAL (
    SELECT state, remittance_id FROM remittance_line l WHERE l.transfer_id = t.id ORDER BY remittance_id DESC LIMIT 1) AS l ON true
WHERE r.state IN ('waiting', 'owed') AND r.source IN ('personal', 'savings') AND r.id > %(after)s
  AND NOT EXISTS (SELECT FROM repayment_line y WHERE y.refund_id = r.id AND r.declined IS NULL)
  AND CASE l.state WHEN 'paid' THEN r.state = 'waiting' WHEN 'listed' THEN r.state = 'owed'
      ELSE r.state = 'owed' OR (a.state <> 'closed' AND r.declined IS NULL
           AND NOT EXISTS (SELECT FROM refund_confirmation c WHERE c.refund_id = r.id AND c.withdrawn_at IS NULL)) END
ORDER BY r.id LIMIT %(most)s;

-- :name to_send
-- Refunds that the cash channel is to send or to be asked about.
SELECT id, order_id, fen FROM refund WHERE state = 'sent' AND source = 'cash' AND id > %(after)s ORDER BY id LIMIT %(most)s;

-- ── what is read ────────────────────────────────────────────────────────────────────────────────────────────────────

-- :name policy_holder
-- Who holds a policy, their area, and who insures it.
SELECT o.buyer_id, n.area, d.lead
FROM policy p JOIN orders o ON o.id = p.order_id JOIN person n ON n.id = o.buyer_id JOIN product d ON d.id = p.product
WHERE p.order_id = %(order)s AND p.position = %(position)s;

-- :name refund
-- One refund: whose it is, what it is about, and how it stands.
SELECT r.id, r.order_id, r.position, r.source, r.fen, r.state, r.limit_year, r.at, r.ended_at, p.product, d.lead, o.buyer_id, n.area,
       (SELECT l.repayment_id FROM repayment_line l WHERE l.refund_id = r.id AND r.declined IS NULL),
       (SELECT t.kind FROM transfer t WHERE t.refund_id = r.id AND r.state = 'done' ORDER BY t.id DESC LIMIT 1), r.declined, r.reference
FROM refund r JOIN policy p ON p.order_id = r.order_id AND p.position = r.position JOIN orders o ON o.id = r.order_id
JOIN product d ON d.id = p.product JOIN person n ON n.id = o.buyer_id
WHERE r.id = %(refund)s;

-- :name confirmations
-- Who confirmed that its account cannot be credited, in order, each with the evidence, and when that was withdrawn.
SELECT c.credential, c.at, c.reason, c.withdrawn_at, e.request_id, e.person_id, e.sealed, k.wrapped
FROM refund_confirmation c JOIN event e ON e.request_id = c.request_id LEFT JOIN person_key k ON k.person_id = e.person_id
WHERE c.refund_id = %(refund)s ORDER BY c.request_id;

-- :name acceptance
-- How the member or the heirs last accepted to be paid, with the evidence.
SELECT a.request_id, a.by, a.at, e.request_id, e.person_id, e.sealed, k.wrapped
FROM refund_acceptance a JOIN event e ON e.request_id = a.request_id LEFT JOIN person_key k ON k.person_id = e.person_id
WHERE a.refund_id = %(refund)s ORDER BY a.request_id DESC LIMIT 1;

-- :name refunds_open
-- Refunds on their way, the oldest first: an insurer's are of products it leads, an area's of its people, a member's own.
SELECT r.id, r.order_id, r.position, r.source, r.fen, r.state, r.at, d.id, d.lead,
       (SELECT l.repayment_id FROM repayment_line l WHERE l.refund_id = r.id AND r.declined IS NULL)
FROM refund r JOIN policy p ON p.order_id = r.order_id AND p.position = r.position JOIN orders o ON o.id = r.order_id
JOIN product d ON d.id = p.product JOIN person n ON n.id = o.buyer_id
WHERE r.state <> 'done' AND r.id > %(after)s AND (%(state)s = '' OR r.state = %(state)s)
  AND (%(insurer)s = '' OR d.lead = %(insurer)s) AND (%(area)s = '' OR n.area = %(area)s)
ORDER BY r.id LIMIT %(most)s;

-- :name owed
-- What insurers owe of all of these, whatever page is read.
SELECT COALESCE(sum(r.fen), 0)::bigint
FROM refund r JOIN policy p ON p.order_id = r.order_id AND p.position = r.position JOIN orders o ON o.id = r.order_id
JOIN product d ON d.id = p.product JOIN person n ON n.id = o.buyer_id
WHERE r.state = 'owed' AND (%(state)s = '' OR r.state = %(state)s) AND (%(insurer)s = '' OR d.lead = %(insurer)s)
  AND (%(area)s = '' OR n.area = %(area)s);

-- :name owed_to
-- What insurers owe of a person's.
SELECT COALESCE(sum(r.fen), 0)::bigint FROM orders o JOIN refund r ON r.order_id = o.id
WHERE o.buyer_id = %(person)s AND r.state = 'owed';

-- :name refunds_of
-- A person's refunds, newest first.
SELECT r.id, r.order_id, r.position, r.source, r.fen, r.state, r.at, d.id, d.lead,
       (SELECT l.repayment_id FROM repayment_line l WHERE l.refund_id = r.id AND r.declined IS NULL)
FROM orders o JOIN refund r ON r.order_id = o.id JOIN policy p ON p.order_id = r.order_id AND p.position = r.position
JOIN product d ON d.id = p.product
WHERE o.buyer_id = %(person)s ORDER BY r.id DESC LIMIT %(most)s;

-- :name repayment
-- One repayment with what it lists.
SELECT r.id, r.insurer, r.reference, r.fen, r.state,
       (SELECT array_agg(l.refund_id ORDER BY l.refund_id) FROM repayment_line l WHERE l.repayment_id = r.id)
FROM repayment r WHERE r.id = %(repayment)s;

-- :name repayments_told
-- Repayments that wait for what the agency says, the oldest first.
SELECT r.id, r.insurer, r.reference, r.fen, r.state,
       (SELECT array_agg(l.refund_id ORDER BY l.refund_id) FROM repayment_line l WHERE l.repayment_id = r.id)
FROM repayment r WHERE r.state = 'told' AND (%(insurer)s = '' OR r.insurer = %(insurer)s) ORDER BY r.id LIMIT %(most)s;
