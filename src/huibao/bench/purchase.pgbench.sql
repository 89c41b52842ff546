-- The yardstick: one transaction per order, bare, with the rows that the service writes for it; nothing is decided.
-- Of a hundred, five repeat an earlier order (:kind <= 5) and two are refused (6, 7). No row is shared between clients.
-- Its money is captured now: of an earlier day's, the service beside it would make a batch.
\set kind random(1, 100)
-- Who orders comes from all over a window of orders, as at the service: both touch as many pages.
\set slot :base + :client_id * :each + :n
\set n :n + 1
\set who (:slot / :near) * :near + permute(:slot % :near, :near, 7)
\set payer 1 + (:who / 4) * 4
\set insured :who + 1
\if :kind <= 5
\startpipeline
BEGIN;
INSERT INTO request (key, id, body)
VALUES (md5((:slot - 1)::text)::uuid, :slot, decode(repeat('ab', 32), 'hex')) ON CONFLICT (key) DO NOTHING;
SELECT r.key, r.body, e.outcome, e.answer FROM request r JOIN event e ON e.request_id = r.id
WHERE r.key = md5((:slot - 1)::text)::uuid;
COMMIT;
\endpipeline
\elif :kind <= 7
\startpipeline
BEGIN;
INSERT INTO request (key, id, body)
VALUES (md5(:slot::text)::uuid, :slot, decode(repeat('ab', 32), 'hex')) ON CONFLICT (key) DO NOTHING;
SELECT id FROM person WHERE id IN (:payer, :insured) ORDER BY id FOR NO KEY UPDATE;
INSERT INTO event (seq, request_id, at, kind, outcome, credential, person_id, answer, sealed, digest)
VALUES (:slot, :slot, '2026-01-01Z', 'purchase', 'relation.not_allowed', 1, :payer,
        decode(repeat('7a', :answer), 'hex'), decode(repeat('7a', :sealed), 'hex'), decode(repeat('ab', 32), 'hex'));
COMMIT;
\endpipeline
\else
\startpipeline
BEGIN;
INSERT INTO request (key, id, body)
VALUES (md5(:slot::text)::uuid, :slot, decode(repeat('ab', 32), 'hex')) ON CONFLICT (key) DO NOTHING;
SELECT id FROM person WHERE id IN (:payer, :insured) ORDER BY id FOR NO KEY UPDATE;
INSERT INTO orders (id, at, buyer_id, offer_id, pay_with, premium_fen, cash_fen, state, review_by, credential)
VALUES (:slot, '2026-01-01Z', :payer, 1, 'account', 16800, 0, 'completed', 'none', :payer);
INSERT INTO policy (order_id, position, insured_id, product, relation, tier, premium_fen, cash_fen, share,
                    period_from, period_to, state, facts)
VALUES (:slot, 1, :insured, :product, 'parent', 'base', 16800, 0, 1, '2026-01-02', '2026-12-31', 'in-force',
        '{"age":40,"insutype":"310","hardship":"none","family_members":1,"tier":"base"}');
INSERT INTO transfer (at, kind, debit_id, credit_id, fen, person_id, order_id, position)
VALUES (now(), 'premium-account', :payer, 3, 16800, :payer, :slot, 1);
INSERT INTO account_year AS y (person_id, year, spent_fen, held_fen)
VALUES (:payer, 2026, 16800, 0)
ON CONFLICT (person_id, year) DO UPDATE SET spent_fen = y.spent_fen + excluded.spent_fen;
UPDATE account SET debit_fen = debit_fen + 16800 WHERE owner_id = :payer AND kind = 'personal';
INSERT INTO event (seq, request_id, at, kind, outcome, credential, person_id, answer, sealed, digest)
VALUES (:slot, :slot, '2026-01-01Z', 'purchase', 'done', :payer, :payer,
        decode(repeat('7a', :answer), 'hex'), decode(repeat('7a', :sealed), 'hex'), decode(repeat('ab', 32), 'hex'));
COMMIT;
\endpipeline
\endif
