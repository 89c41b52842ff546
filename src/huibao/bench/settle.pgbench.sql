-- The yardstick: one transaction per settlement, bare, with the rows that the service writes for it; nothing is decided.
-- Of a hundred, five repeat an earlier one (:kind <= 5) and two are refused (6, 7). No row is shared between clients.
\set kind random(1, 100)
-- Whose bill it is comes from all over a window of bills, as at the service: both touch as many pages.
\set slot :base + :client_id * :each + :n
\set n :n + 1
\set person 1 + ((:slot / :near) * :near + permute(:slot % :near, :near, 7)) / :each_person
\if :kind <= 5
\startpipeline
BEGIN;
INSERT INTO request (key, id, body)
VALUES (md5((:slot - 1)::text)::uuid, 1000000000 + :slot, decode(repeat('ab', 32), 'hex')) ON CONFLICT (key) DO NOTHING;
SELECT r.key, r.body, e.outcome, e.answer FROM request r JOIN event e ON e.request_id = r.id
WHERE r.key = md5((:slot - 1)::text)::uuid;
COMMIT;
\endpipeline
\elif :kind <= 7
\startpipeline
BEGIN;
INSERT INTO request (key, id, body)
VALUES (md5(:slot::text)::uuid, 1000000000 + :slot, decode(repeat('ab', 32), 'hex')) ON CONFLICT (key) DO NOTHING;
SELECT id FROM person WHERE psn_no = 'nobody' || :person FOR NO KEY UPDATE;
INSERT INTO event (seq, request_id, at, kind, outcome, credential, answer, digest)
VALUES (1000000000 + :slot, 1000000000 + :slot, '2026-01-01Z', 'settlement', 'settlement.person_unknown', 1,
        decode(repeat('7a', 300), 'hex'), decode(repeat('ab', 32), 'hex'));
COMMIT;
\endpipeline
\else
\startpipeline
BEGIN;
INSERT INTO request (key, id, body)
VALUES (md5(:slot::text)::uuid, 1000000000 + :slot, decode(repeat('ab', 32), 'hex')) ON CONFLICT (key) DO NOTHING;
SELECT id FROM person WHERE psn_no = 'bench' || :person FOR NO KEY UPDATE;
SELECT order_id, position, share, facts FROM policy WHERE insured_id = :person AND state = 'in-force';
SELECT used FROM accumulator WHERE whose = :person AND product = :product;
INSERT INTO settlement (id, setl_id, person_id, hospital, mdtrt_id, way, at, settled_on, admitted_on, medfee_fen, person_fen, pay_fen,
                        payee, state, deadline)
VALUES (1000000000 + :slot, '990002' || lpad(:slot::text, 10, '0'), :person, 'H00000000001',
        'M990002' || lpad(:slot::text, 10, '0'), 'desk', '2026-01-01Z', '2026-01-01', '2025-12-28', 4000000, 3000000, 1000000,
        'hospital', 'offered', '2026-01-02Z');
INSERT INTO payment (settlement_id, order_id, position, product, share, pay_fen, posted_fen, target_fen, figures, targets)
VALUES (1000000000 + :slot, :person, 1, :product, 1, 1000000, 0, 1000000,
        array_fill(1000000::bigint, ARRAY[(5 * :benefits::int)]), array_fill(1000000::bigint, ARRAY[:benefits::int]));
-- Other figures, as long, than the person's last bill left: an update that changes nothing would write nothing.
INSERT INTO accumulator (whose, product, used)
VALUES (:person, :product, translate(:used, '123456789', substr('12345678912345678', 1 + :slot % 9, 9))::jsonb)
ON CONFLICT (whose, product) DO UPDATE SET used = excluded.used;
INSERT INTO event (seq, request_id, at, kind, outcome, credential, person_id, answer, sealed, digest)
VALUES (1000000000 + :slot, 1000000000 + :slot, '2026-01-01Z', 'settlement', 'done', 1, :person,
        decode(repeat('7a', :answer), 'hex'), decode(repeat('7a', :sealed), 'hex'), decode(repeat('ab', 32), 'hex'));
COMMIT;
\endpipeline
\endif
