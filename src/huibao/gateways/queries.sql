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

-- :name move_cursor
-- A destination was told up to here; one that a neighbour has moved further stays.
INSERT INTO outbox_cursor (destination, seq, at) VALUES (%(destination)s, %(seq)s, %(at)s)
ON CONFLICT (destination) DO UPDATE SET seq = EXCLUDED.seq, at = EXCLUDED.at WHERE outbox_cursor.seq < EXCLUDED.seq;
