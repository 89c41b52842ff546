-- :name add
-- Adds what a batch moved to the cumulative totals, and keeps each step. Under the lock of the chain's head.
WITH moved AS (
    UPDATE pool_total t SET fen = t.fen + u.fen
    FROM unnest(%(products)s::text[], %(versions)s::smallint[], %(streams)s::text[], %(fen)s::bigint[])
         AS u (product, version, stream, fen)
    WHERE t.product = u.product AND t.version = u.version AND t.stream = u.stream
    RETURNING t.product, t.version, t.stream, t.fen AS total_fen, u.fen
)
INSERT INTO pool_entry (product, version, stream, total_fen, fen, at)
SELECT product, version, stream, total_fen, fen, %(at)s FROM moved;

-- :name shares
-- The members of a product's pool under each version of the shares, in order, and since when.
SELECT version, since, insurer, weight FROM pool_share WHERE product = %(product)s ORDER BY version, position;

-- :name totals
-- The cumulative totals of a product.
SELECT version, stream, fen FROM pool_total WHERE product = %(product)s ORDER BY version, stream;

-- :name insert_shares
-- A new version of the shares.
INSERT INTO pool_share (product, version, position, insurer, weight, since)
SELECT %(product)s, %(version)s, u.position, u.insurer, u.weight, %(since)s
FROM unnest(%(positions)s::smallint[], %(insurers)s::text[], %(weights)s::integer[]) AS u (position, insurer, weight)
ON CONFLICT DO NOTHING;

-- :name insert_totals
-- The totals of a new version start at nothing.
INSERT INTO pool_total (product, version, stream, fen)
SELECT %(product)s, %(version)s, stream, 0 FROM unnest(%(streams)s::text[]) AS stream
ON CONFLICT DO NOTHING;
