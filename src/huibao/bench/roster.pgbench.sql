-- The yardstick: so many lines of a roster in one bare transaction, set-wise, with the rows that the service writes; nothing is decided.
\set first 1 + (:base + :client_id * :each + :n) * :lines
\set last :first + :lines - 1
\set n :n + 1
\startpipeline
BEGIN;
INSERT INTO request (key, id, body)
SELECT md5(i::text)::uuid, i, decode(repeat('ab', 32), 'hex') FROM generate_series(:first::bigint, :last::bigint) AS i
ON CONFLICT (key) DO NOTHING;
SELECT id FROM person WHERE id BETWEEN :first::bigint AND :last::bigint ORDER BY id FOR NO KEY UPDATE;
INSERT INTO orders (id, at, buyer_id, offer_id, sponsor, pay_with, premium_fen, cash_fen, state, review_by, credential)
SELECT i, '2026-01-01Z', i, 1, '测速资助方', 'sponsor', 12000, 0, 'completed', 'none', 1
FROM generate_series(:first::bigint, :last::bigint) AS i;
INSERT INTO policy (order_id, position, insured_id, product, relation, premium_fen, cash_fen, share, period_from, period_to, state, facts)
SELECT i, 1, i, :product, 'self', 12000, 0, 1, '2026-01-02', '2026-12-31', 'in-force',
       '{"age":40,"insutype":"390","hardship":"none","family_members":1}'
FROM generate_series(:first::bigint, :last::bigint) AS i;
INSERT INTO transfer (at, kind, debit_id, credit_id, fen, person_id, order_id, position)
SELECT '2026-01-01Z', 'premium-sponsor', 3, 4, 12000, i, i, 1 FROM generate_series(:first::bigint, :last::bigint) AS i;
INSERT INTO notice (at, person_id, zh, en)
SELECT '2026-01-01Z', i, repeat('告', :zh::int), repeat('n', :en::int) FROM generate_series(:first::bigint, :last::bigint) AS i;
UPDATE roster_line SET order_id = person_id, premium_fen = 12000 WHERE roster_id = 1 AND line BETWEEN :first::bigint AND :last::bigint;
INSERT INTO event (seq, request_id, at, kind, outcome, credential, answer, digest)
SELECT i, i, '2026-01-01Z', 'purchase', 'done', 1, decode(repeat('7a', :answer::int), 'hex'), decode(repeat('ab', 32), 'hex')
FROM generate_series(:first::bigint, :last::bigint) AS i;
COMMIT;
\endpipeline
