-- :name enter
-- Whose schema this transaction works in.
SELECT set_config('search_path', %(schema)s, true);

-- :name told_up_to
-- How far a destination has been told.
SELECT seq FROM outbox_cursor WHERE destination = %(destination)s;

-- :name products_led
-- The products that an insurer leads.
SELECT id FROM product WHERE lead = %(insurer)s;

-- :name events_after
-- What was recorded after a sequence number, in order; the answer only where it may have to be told.
SELECT seq, at, kind, CASE WHEN outcome = 'done' AND kind = ANY(%(kinds)s::text[]) THEN answer END
FROM event WHERE seq > %(after)s ORDER BY seq LIMIT %(most)s;

-- :name surrendered
-- Policies that were given back: what paid for each, and what goes back of it.
SELECT p.order_id, p.position, p.product, p.insured_id, p.premium_fen, t.sources, t.parts, p.tier, p.period_from, p.period_to,
       p.ended_on, (SELECT COALESCE(sum(r.fen), 0)::bigint FROM refund r WHERE r.order_id = p.order_id AND r.position = p.position)
FROM unnest(%(orders)s::bigint[], %(positions)s::smallint[]) AS u (order_id, position)
JOIN policy p ON p.order_id = u.order_id AND p.position = u.position JOIN orders o ON o.id = p.order_id
CROSS JOIN LATERAL (
    SELECT COALESCE(array_agg(a.kind ORDER BY t.id), '{}') AS sources, COALESCE(array_agg(t.fen ORDER BY t.id), '{}') AS parts
    FROM transfer t JOIN account a ON a.id = t.debit_id
    WHERE t.person_id = o.buyer_id AND t.order_id = p.order_id AND t.position = p.position
      AND t.kind IN ('premium-account', 'premium-cash', 'premium-sponsor')) AS t;

-- :name move_cursor
-- A destination was told up to here; one that a neighbour has moved further stays.
INSERT INTO outbox_cursor (destination, seq, at) VALUES (%(destination)s, %(seq)s, %(at)s)
ON CONFLICT (destination) DO UPDATE SET seq = EXCLUDED.seq, at = EXCLUDED.at WHERE outbox_cursor.seq < EXCLUDED.seq;
