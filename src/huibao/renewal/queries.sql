-- :name expiring
-- Policies of the orders that commands name, with who bought them and how many of their order are in force. Their people are locked.
SELECT p.order_id, p.position, o.buyer_id, o.pay_with, p.insured_id, p.product, p.tier, p.premium_fen, p.period_to, p.state,
       count(*) FILTER (WHERE p.state = 'in-force') OVER (PARTITION BY p.order_id)
FROM policy p JOIN orders o ON o.id = p.order_id
WHERE p.order_id = ANY(%(orders)s::bigint[]) AND p.period_to IS NOT NULL ORDER BY p.order_id, p.position;

-- :name renewals
-- Proposals for policies of these orders.
SELECT order_id, position, at, buyer_id, insured_id, product, offer_id, tier, premium_fen, ends_on, state, remind_on, why
FROM renewal WHERE order_id = ANY(%(orders)s::bigint[]) ORDER BY order_id, position;

-- :name insert_renewals
-- New proposals.
INSERT INTO renewal (order_id, position, at, buyer_id, insured_id, product, offer_id, tier, premium_fen, ends_on, state, remind_on, why,
                     ended_at)
SELECT u.order_id, u.position, %(at)s, u.buyer, u.insured, u.product, u.offer, u.tier, u.premium, u.ends_on, u.state, u.remind_on, u.why,
       CASE WHEN u.state <> 'open' THEN %(at)s END
FROM unnest(%(orders)s::bigint[], %(positions)s::smallint[], %(buyers)s::bigint[], %(insured)s::bigint[], %(products)s::text[],
            %(offers)s::integer[], %(tiers)s::text[], %(premiums)s::bigint[], %(ends)s::date[], %(states)s::text[], %(reminds)s::date[],
            %(whys)s::text[])
     AS u (order_id, position, buyer, insured, product, offer, tier, premium, ends_on, state, remind_on, why);

-- :name move_renewals
-- Proposals that were reminded of, declined, or have nothing to confirm any more.
UPDATE renewal r SET state = u.state, remind_on = u.remind_on, why = u.why, ended_at = CASE WHEN u.state <> 'open' THEN %(at)s END
FROM unnest(%(orders)s::bigint[], %(positions)s::smallint[], %(states)s::text[], %(reminds)s::date[], %(whys)s::text[])
     AS u (order_id, position, state, remind_on, why)
WHERE r.order_id = u.order_id AND r.position = u.position;

-- :name to_propose
-- The next buyers of policies of these products that end and that nobody was asked about, with all orders of theirs that have such.
SELECT o.buyer_id, array_agg(DISTINCT p.order_id) FROM orders o JOIN policy p ON p.order_id = o.id
WHERE o.buyer_id > %(buyer)s AND p.product = ANY(%(products)s::text[]) AND p.state = 'in-force'
  AND NOT EXISTS (SELECT FROM renewal r WHERE r.order_id = p.order_id AND r.position = p.position)
GROUP BY o.buyer_id ORDER BY o.buyer_id LIMIT %(most)s;

-- :name to_remind
-- Buyers that are to be asked again, with all orders of theirs that wait for it, the longest wait first.
SELECT buyer_id, array_agg(DISTINCT order_id) FROM renewal WHERE remind_on <= %(on)s
GROUP BY buyer_id ORDER BY min(remind_on), buyer_id LIMIT %(most)s;

-- :name renewals_of
-- A buyer's proposals with the policy that ends and its wording, newest first.
SELECT r.order_id, r.position, r.insured_id, n.name_sealed, k.wrapped, r.product, o.offer_id, r.tier, r.premium_fen,
       p.premium_fen, r.ends_on, r.state, r.why, r.bought
FROM renewal r JOIN policy p ON p.order_id = r.order_id AND p.position = r.position JOIN orders o ON o.id = r.order_id
JOIN person n ON n.id = r.insured_id LEFT JOIN person_key k ON k.person_id = r.insured_id
WHERE r.buyer_id = %(buyer)s ORDER BY r.order_id DESC, r.position LIMIT %(most)s;

-- :name proposed
-- What an order that confirms these proposals is made of; only of this buyer.
SELECT r.order_id, r.position, r.insured_id, r.product, r.tier
FROM renewal r JOIN unnest(%(orders)s::bigint[], %(positions)s::smallint[]) WITH ORDINALITY AS u (order_id, position, n)
  ON r.order_id = u.order_id AND r.position = u.position
WHERE r.buyer_id = %(buyer)s ORDER BY u.n;

-- :name totals
-- How many were asked about each product's next year, and what became of it; an area's are those of its buyers. What nobody confirmed while
-- it was on sale has lapsed.
SELECT r.product, count(*), count(*) FILTER (WHERE r.state = 'open' AND s.is_sold), count(*) FILTER (WHERE r.state = 'confirmed'),
       count(*) FILTER (WHERE r.state = 'declined'), count(*) FILTER (WHERE r.state = 'lapsed' OR (r.state = 'open' AND NOT s.is_sold)),
       COALESCE(sum(r.premium_fen) FILTER (WHERE r.state = 'confirmed'), 0)::bigint
FROM renewal r JOIN person n ON n.id = r.buyer_id JOIN product d ON d.id = r.product
CROSS JOIN LATERAL (
    SELECT d.state = 'on-sale' AND COALESCE(%(on)s::date BETWEEN d.on_sale_from AND d.on_sale_to, false) AS is_sold) AS s
WHERE %(area)s = '' OR n.area = %(area)s GROUP BY r.product ORDER BY r.product;
