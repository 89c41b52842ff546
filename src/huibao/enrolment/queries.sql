-- :name orders
-- Orders that commands speak of. Their people are locked, and with them the orders.
SELECT o.id, o.at, o.buyer_id, o.offer_id, f.product, o.pay_with, o.sponsor, o.premium_fen, o.cash_fen, o.state, o.review_by,
       o.deadline, o.credential
FROM orders o JOIN offer f ON f.id = o.offer_id WHERE o.id = ANY(%(orders)s::bigint[]);

-- :name policies_of_orders
-- The policies of these orders.
SELECT order_id, position, insured_id, product, relation, tier, premium_fen, cash_fen, share, state, period_from, period_to
FROM policy WHERE order_id = ANY(%(orders)s::bigint[]) ORDER BY order_id, position;

-- :name live_policies
-- Who among these people is insured, or about to be, with what and until when, under which facts, and what it paid of what stands.
SELECT p.insured_id, p.product, p.state, p.period_to, p.facts::text,
       COALESCE((SELECT sum(y.target_fen) FROM payment y JOIN settlement s ON s.id = y.settlement_id
                 WHERE y.order_id = p.order_id AND y.position = p.position AND s.state IN ('offered', 'confirmed')), 0)::bigint
FROM policy p WHERE p.insured_id = ANY(%(people)s::bigint[]) AND p.state NOT IN ('surrendered', 'void');

-- :name proposals
-- Proposals that an order confirms; their people are locked, and with them the proposals.
SELECT r.order_id, r.position, r.buyer_id, r.insured_id, r.product
FROM renewal r JOIN unnest(%(orders)s::bigint[], %(positions)s::smallint[]) AS u (order_id, position)
  ON r.order_id = u.order_id AND r.position = u.position;

-- :name confirm_proposals
-- Proposals that were confirmed, and by which order.
UPDATE renewal r SET state = 'confirmed', bought = u.bought, ended_at = %(at)s, remind_on = NULL, why = NULL
FROM unnest(%(orders)s::bigint[], %(positions)s::smallint[], %(bought)s::bigint[]) AS u (order_id, position, bought)
WHERE r.order_id = u.order_id AND r.position = u.position;

-- :name follow_proposals
-- Proposals that were confirmed by an order that another took the place of, where that one insures the same person.
UPDATE renewal r SET bought = u.after
FROM unnest(%(before)s::bigint[], %(after)s::bigint[]) AS u (before, after) JOIN policy p ON p.order_id = u.after
WHERE r.bought = u.before AND r.insured_id = p.insured_id;

-- :name reopen_proposals
-- Proposals whose orders came to nothing: open again, and reminded of on the scheme's next day.
UPDATE renewal r SET state = 'open', bought = NULL, ended_at = NULL,
       remind_on = (SELECT min(r.ends_on - d::integer) FROM unnest(%(days)s::bigint[]) AS d WHERE r.ends_on - d::integer > %(on)s)
WHERE r.bought = ANY(%(orders)s::bigint[]);

-- :name insert_orders
-- New orders.
INSERT INTO orders (id, at, buyer_id, offer_id, pay_with, sponsor, premium_fen, cash_fen, state, review_by, deadline, credential)
SELECT u.id, %(at)s, u.buyer, u.offer, u.pay_with, u.sponsor, u.premium, u.cash, u.state, u.review_by, u.deadline, u.credential
FROM unnest(%(ids)s::bigint[], %(buyers)s::bigint[], %(offers)s::integer[], %(pay_with)s::text[], %(sponsors)s::text[],
            %(premiums)s::bigint[], %(cash)s::bigint[], %(states)s::text[], %(reviews)s::text[], %(deadlines)s::timestamptz[],
            %(credentials)s::bigint[])
     AS u (id, buyer, offer, pay_with, sponsor, premium, cash, state, review_by, deadline, credential);

-- :name insert_policies
-- New policies.
INSERT INTO policy (order_id, position, insured_id, product, relation, tier, premium_fen, cash_fen, share, period_from, period_to, state,
                    facts)
SELECT u.order_id, u.position, u.insured, u.product, u.relation, u.tier, u.premium, u.cash, u.share, u.since, u.until, u.state,
       u.facts::jsonb
FROM unnest(%(orders)s::bigint[], %(positions)s::smallint[], %(insured)s::bigint[], %(products)s::text[],
                     %(relations)s::text[], %(tiers)s::text[], %(premiums)s::bigint[], %(cash)s::bigint[], %(shares)s::smallint[],
                     %(since)s::date[], %(until)s::date[], %(states)s::text[], %(facts)s::text[])
     AS u (order_id, position, insured, product, relation, tier, premium, cash, share, since, until, state, facts);

-- :name insert_endorsements
-- Orders that stand in the place of others, since who they are for has changed.
INSERT INTO endorsement (id, at, kind, person_id, order_id, effective_on, asked_by, asker_id, sealed, state, ended_at, ended_by)
SELECT u.id, %(at)s, u.kind, u.person, u.order_id, %(on)s, u.asked_by, u.asker, u.sealed, 'done', %(at)s, u.id
FROM unnest(%(ids)s::bigint[], %(kinds)s::text[], %(people)s::bigint[], %(orders)s::bigint[], %(asked_by)s::bigint[], %(askers)s::bigint[],
            %(sealed)s::bytea[]) AS u (id, kind, person, order_id, asked_by, asker, sealed);

-- :name move_orders
-- Orders that go on to another state.
UPDATE orders o SET state = u.state, deadline = u.deadline, cash_fen = u.cash, review_by = u.review
FROM unnest(%(ids)s::bigint[], %(states)s::text[], %(deadlines)s::timestamptz[], %(cash)s::bigint[], %(reviews)s::text[])
     AS u (id, state, deadline, cash, review) WHERE o.id = u.id;

-- :name move_policies
-- Policies that go on to another state.
UPDATE policy p SET state = u.state, cash_fen = u.cash, share = u.share, period_from = u.since, period_to = u.until,
                    facts = COALESCE(u.facts::jsonb, p.facts)
FROM unnest(%(orders)s::bigint[], %(positions)s::smallint[], %(states)s::text[], %(cash)s::bigint[], %(shares)s::smallint[],
            %(since)s::date[], %(until)s::date[], %(facts)s::text[])
     AS u (order_id, position, state, cash, share, since, until, facts)
WHERE p.order_id = u.order_id AND p.position = u.position;

-- :name due
-- Orders whose time to wait is over.
SELECT id, cash_fen FROM orders WHERE deadline <= %(at)s ORDER BY deadline LIMIT %(most)s;

-- :name order_answer
-- The record of an order's making, for who may read it.
SELECT o.buyer_id, o.state, o.deadline, e.answer FROM orders o JOIN event e ON e.request_id = o.id WHERE o.id = %(order)s;

-- :name order_policies
-- The policies of an order as they stand.
SELECT position, insured_id, state, period_from, period_to, cash_fen FROM policy WHERE order_id = %(order)s ORDER BY position;

-- :name order_parts
-- What is or was set aside from each account for an order's policies, and not let go.
SELECT h.position, a.kind, h.fen FROM hold h JOIN account a ON a.id = h.account_id
WHERE h.order_id = %(order)s AND NOT EXISTS (SELECT FROM hold_end e WHERE e.hold_id = h.id AND e.how = 'voided')
ORDER BY h.position, h.id;

-- :name orders_of
-- A buyer's orders, newest first.
SELECT o.id, o.at, f.product, o.premium_fen, o.cash_fen, o.state FROM orders o JOIN offer f ON f.id = o.offer_id
WHERE o.buyer_id = %(person)s ORDER BY o.id DESC LIMIT %(most)s;

-- :name policy
-- One policy with the very wording it was sold under.
SELECT p.order_id, p.position, p.insured_id, o.buyer_id, p.product, p.relation, p.tier, p.premium_fen, p.cash_fen, p.state,
       p.period_from, p.period_to, p.share, f.plan_digest, f.scheme_digest, f.terms_digest, f.engine, d.lead
FROM policy p JOIN orders o ON o.id = p.order_id JOIN offer f ON f.id = o.offer_id JOIN product d ON d.id = p.product
WHERE p.order_id = %(order)s AND p.position = %(position)s;

-- :name policies_of
-- A person's policies, as buyer or as insured.
SELECT p.order_id, p.position, p.insured_id, p.product, p.relation, p.premium_fen, p.state, p.period_from, p.period_to
FROM policy p
WHERE (p.order_id, p.position) IN (
    SELECT order_id, position FROM policy WHERE insured_id = %(person)s
    UNION SELECT b.order_id, b.position FROM orders o JOIN policy b ON b.order_id = o.id WHERE o.buyer_id = %(person)s)
ORDER BY p.order_id DESC, p.position LIMIT %(most)s;

-- :name insert_entries
-- Who entered orders that their buyers did not.
INSERT INTO order_entry (order_id, channel, credential, person_id, outlet, document, document_digest, mandate_id, relation)
SELECT * FROM unnest(%(orders)s::bigint[], %(channels)s::text[], %(credentials)s::bigint[], %(people)s::bigint[], %(outlets)s::text[],
                     %(documents)s::text[], %(digests)s::text[], %(mandates)s::bigint[], %(relations)s::text[]);

-- :name hands
-- Who entered these orders and each that they took the place of: by which credential, and as whom where that is known.
WITH RECURSIVE chain (last, id) AS (
    SELECT id, id FROM orders WHERE id = ANY(%(orders)s::bigint[])
    UNION
    SELECT c.last, n.order_id FROM chain c JOIN endorsement n ON n.id = c.id AND n.order_id IS NOT NULL)
SELECT c.last, o.credential, COALESCE(e.person_id, n.asker_id)
FROM chain c JOIN orders o ON o.id = c.id
LEFT JOIN order_entry e ON e.order_id = c.id LEFT JOIN endorsement n ON n.id = c.id;

-- :name reviews
-- The reviews of these orders.
SELECT order_id, since, entered_by, reviewers, checked::text, escalate_at, void_at, void_because, escalated_at, state,
       claimed_by, claimant_id, claimed_at, claimed_until
FROM review WHERE order_id = ANY(%(orders)s::bigint[]);

-- :name votes
-- What reviewers decided of these orders.
SELECT order_id, number, request_id, credential, person_id, verdict, reason, checked::text
FROM review_vote WHERE order_id = ANY(%(orders)s::bigint[]) ORDER BY order_id, number;

-- :name insert_reviews
-- Orders that begin to wait for their review, which the same batch may have ended.
INSERT INTO review (order_id, since, entered_by, reviewers, checked, escalate_at, void_at, void_because, escalated_at, state, ended_at)
SELECT u.order_id, u.since, string_to_array(u.entered_by, ',')::bigint[], u.reviewers, u.checked::jsonb, u.escalate_at, u.void_at,
       u.because, u.escalated_at, u.state, CASE WHEN u.state <> 'open' THEN %(at)s END
FROM unnest(%(orders)s::bigint[], %(since)s::timestamptz[], %(entered_by)s::text[], %(reviewers)s::smallint[], %(checked)s::text[],
            %(escalate_at)s::timestamptz[], %(void_at)s::timestamptz[], %(because)s::text[], %(escalated)s::timestamptz[],
            %(states)s::text[])
     AS u (order_id, since, entered_by, reviewers, checked, escalate_at, void_at, because, escalated_at, state);

-- :name move_reviews
-- Reviews that escalate or end, and who has which.
UPDATE review r SET escalated_at = u.escalated_at, state = u.state, ended_at = CASE WHEN u.state <> 'open' THEN %(at)s END,
    claimed_by = u.claimed_by, claimant_id = u.claimant_id, claimed_at = u.claimed_at, claimed_until = u.claimed_until
FROM unnest(%(orders)s::bigint[], %(escalated)s::timestamptz[], %(states)s::text[], %(claimed_by)s::bigint[], %(claimants)s::bigint[],
            %(claimed_at)s::timestamptz[], %(claimed_until)s::timestamptz[])
     AS u (order_id, escalated_at, state, claimed_by, claimant_id, claimed_at, claimed_until)
WHERE r.order_id = u.order_id;

-- :name insert_votes
-- What reviewers decided.
INSERT INTO review_vote (order_id, number, request_id, at, credential, person_id, entered_by, verdict, reason, checked)
SELECT u.order_id, u.number, u.request_id, %(at)s, u.credential, u.person_id, r.entered_by, u.verdict, u.reason, u.checked::jsonb
FROM unnest(%(orders)s::bigint[], %(numbers)s::smallint[], %(requests)s::bigint[], %(credentials)s::bigint[], %(people)s::bigint[],
            %(verdicts)s::text[], %(reasons)s::text[], %(checked)s::text[])
     AS u (order_id, number, request_id, credential, person_id, verdict, reason, checked)
JOIN review r ON r.order_id = u.order_id;

-- :name open_review_cases
-- Reviews that nobody decided in their first time become somebody's case.
INSERT INTO open_case (at, kind, cause, order_id, product, fen, due_on)
SELECT %(at)s, 'review', 'review.overdue', u.order_id, u.product, u.fen, u.due
FROM unnest(%(orders)s::bigint[], %(products)s::text[], %(fen)s::bigint[], %(due)s::date[]) AS u (order_id, product, fen, due);

-- :name close_review_cases
-- The cases of reviews that have ended.
UPDATE open_case c SET closed_at = %(at)s, outcome = u.outcome
FROM unnest(%(orders)s::bigint[], %(outcomes)s::text[]) AS u (order_id, outcome)
WHERE c.kind = 'review' AND c.order_id = u.order_id AND c.closed_at IS NULL;

-- :name insert_refunds
-- Cash of orders that came to nothing: it goes back the way it came.
INSERT INTO refund (request_id, at, order_id, position, source, fen, state)
SELECT u.request_id, %(at)s, u.order_id, u.position, 'cash', u.fen, 'sent'
FROM unnest(%(requests)s::bigint[], %(orders)s::bigint[], %(positions)s::smallint[], %(fen)s::bigint[])
     AS u (request_id, order_id, position, fen);

-- :name mandates_among
-- The mandates between these principals and agents that hold on a day.
SELECT m.id, m.principal_id, m.agent_id, m.may, m.valid_from, m.valid_to, m.evidence, m.evidence_digest, m.credential, m.revoked_at,
       m.revoked_by
FROM mandate m JOIN unnest(%(principals)s::bigint[], %(agents)s::bigint[]) AS u (principal, agent)
  ON m.principal_id = u.principal AND m.agent_id = u.agent
WHERE m.revoked_at IS NULL AND m.valid_from <= %(on)s AND %(on)s <= m.valid_to ORDER BY m.id;

-- :name reviews_escalating
-- Reviews whose first time is over.
SELECT order_id, escalate_at FROM review
WHERE state = 'open' AND escalated_at IS NULL AND escalate_at <= %(at)s AND order_id > %(after)s ORDER BY order_id LIMIT %(most)s;

-- :name reviews_over
-- Reviews that are somebody's case, and whose time is over.
SELECT order_id, void_at FROM review
WHERE state = 'open' AND escalated_at IS NOT NULL AND void_at <= %(at)s AND order_id > %(after)s ORDER BY order_id LIMIT %(most)s;

-- :name review_page
-- The next reviews in a state, in the order of their orders: of a product, an area, escalated or not, entered on a way, to be decided by a
-- time, by what each needs, who has it and why it was rejected.
SELECT r.order_id, COALESCE(e.channel, 'online'), e.outlet
FROM review r JOIN orders o ON o.id = r.order_id JOIN offer f ON f.id = o.offer_id
LEFT JOIN order_entry e ON e.order_id = o.id
WHERE r.state = %(state)s AND r.order_id > %(after)s
  AND (%(product)s = '' OR f.product = %(product)s)
  AND (%(area)s = '' OR %(area)s = (SELECT p.area FROM person p WHERE p.id = o.buyer_id))
  AND (%(channel)s = '' OR COALESCE(e.channel, 'online') = %(channel)s)
  AND (NOT %(asks_escalated)s OR (r.escalated_at IS NOT NULL) = %(escalated)s)
  AND (%(due)s::timestamptz IS NULL OR r.void_at <= %(due)s)
  AND (%(needs)s = '' OR %(needs)s = CASE WHEN r.reviewers = 1 THEN 'one'
       WHEN (SELECT count(*) FROM review_vote v WHERE v.order_id = r.order_id) = 0 THEN 'first-of-two' ELSE 'second-of-two' END)
  AND (%(claimed)s = '' OR %(claimed)s = CASE WHEN r.claimed_until IS NULL OR r.claimed_until <= %(at)s THEN 'nobody'
       WHEN r.claimed_by = %(credential)s OR r.claimant_id = %(person)s::bigint THEN 'me' ELSE 'another' END)
  AND (%(reason)s = '' OR %(reason)s = (SELECT max(v.reason) FROM review_vote v WHERE v.order_id = r.order_id))
ORDER BY r.order_id LIMIT %(most)s;

-- :name reviews_waiting
-- How many applications wait, since when the oldest, until when the first must be decided.
SELECT count(*), min(r.since), min(r.void_at)
FROM review r JOIN orders o ON o.id = r.order_id JOIN offer f ON f.id = o.offer_id JOIN person p ON p.id = o.buyer_id
WHERE r.state = 'open' AND (%(product)s = '' OR f.product = %(product)s) AND (%(area)s = '' OR p.area = %(area)s);

-- :name review_totals
-- How many applications wait, by all that the queue can be narrowed to.
SELECT t.by, t.value, count(*)
FROM review r JOIN orders o ON o.id = r.order_id JOIN offer f ON f.id = o.offer_id JOIN person p ON p.id = o.buyer_id
LEFT JOIN order_entry e ON e.order_id = o.id
CROSS JOIN LATERAL (VALUES
    ('product', f.product),
    ('channel', COALESCE(e.channel, 'online')),
    ('escalated', (r.escalated_at IS NOT NULL)::text),
    ('due', ((r.void_at - interval '1 microsecond') AT TIME ZONE 'Asia/Shanghai')::date::text),
    ('needs', CASE WHEN r.reviewers = 1 THEN 'one'
              WHEN (SELECT count(*) FROM review_vote v WHERE v.order_id = r.order_id) = 0 THEN 'first-of-two' ELSE 'second-of-two' END),
    ('claimed', CASE WHEN r.claimed_until IS NULL OR r.claimed_until <= %(at)s THEN 'nobody'
                WHEN r.claimed_by = %(credential)s OR r.claimant_id = %(person)s::bigint THEN 'me' ELSE 'another' END)) AS t (by, value)
WHERE r.state = 'open' AND (%(product)s = '' OR f.product = %(product)s) AND (%(area)s = '' OR p.area = %(area)s)
GROUP BY t.by, t.value ORDER BY t.by, t.value;

-- :name rejections
-- How many applications were rejected since a time, by reason.
SELECT v.reason, count(*)
FROM review_vote v JOIN orders o ON o.id = v.order_id JOIN offer f ON f.id = o.offer_id JOIN person p ON p.id = o.buyer_id
WHERE v.verdict = 'reject' AND v.at >= %(since)s AND (%(product)s = '' OR f.product = %(product)s) AND (%(area)s = '' OR p.area = %(area)s)
GROUP BY v.reason ORDER BY v.reason;

-- :name order_areas
-- The pooling areas of the buyers of these orders.
SELECT o.id, p.area FROM orders o JOIN person p ON p.id = o.buyer_id WHERE o.id = ANY(%(orders)s::bigint[]);

-- :name review_of
-- How the review of an order stands: until when, how many decided, and the request of a rejection with its reason.
SELECT r.state, r.since, r.void_at, r.reviewers, (SELECT count(*) FROM review_vote v WHERE v.order_id = r.order_id), v.request_id, v.reason
FROM review r LEFT JOIN review_vote v ON v.order_id = r.order_id AND v.verdict = 'reject' WHERE r.order_id = %(order)s;
