-- :name programmes
-- The programmes of this database.
SELECT code, name, scheme, area, schema_name FROM public.programme ORDER BY code;

-- :name look
-- Where a reader looks, and that it only reads.
SELECT set_config('search_path', %(schema)s, true), set_config('transaction_read_only', 'on', true),
       set_config('statement_timeout', '5s', true);

-- :name room
-- How many connections who is no superuser may have open, all together.
SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
       - COALESCE(current_setting('reserved_connections', true)::int, 0);

-- :name be_the_service
-- A reader has no more rights than the service's role.
SET ROLE huibao_service;

-- :name take_turn
-- Whether this process is the one that takes care; the lock is the session's, so a dead process gives it up.
SELECT pg_try_advisory_lock(%(turn)s);

-- :name still_there
-- Whether the session lives.
SELECT 1;

-- :name connected_insurers
-- The insurers whose systems have an address.
SELECT id, endpoint FROM public.insurer WHERE endpoint IS NOT NULL ORDER BY id;

-- :name awaiting_payment
-- Orders that wait for their cash part and may be asked about, and which of them are over: by the index of what waits (`+ 0`), never along
-- all orders.
SELECT id, deadline <= %(at)s FROM orders
WHERE deadline IS NOT NULL AND state = 'awaiting-payment' AND at <= %(asked_from)s AND id > %(after)s ORDER BY id + 0 LIMIT %(most)s;

-- :name tills_closed
-- Orders that were given up while their till was open, once it is closed and until they were asked about; by the index of what waits.
SELECT id FROM orders WHERE deadline <= %(at)s AND state = 'void' AND id > %(after)s ORDER BY id + 0 LIMIT %(most)s;

-- :name till_asked
-- What was paid there for an order that is void is known.
UPDATE orders SET deadline = NULL WHERE id = %(order)s AND state = 'void';

-- :name refused_payments
-- Payments that came, were not taken, and have not gone back yet.
SELECT e.seq, e.answer FROM event e
WHERE e.kind = 'payment' AND e.outcome <> 'done' AND e.seq > %(after)s
  AND NOT EXISTS (SELECT FROM payment_return r WHERE r.seq = e.seq)
ORDER BY e.seq LIMIT %(most)s;

-- :name insert_return
-- A payment has gone back.
INSERT INTO payment_return (seq, at) VALUES (%(seq)s, %(at)s) ON CONFLICT DO NOTHING;

-- :name look_and_write
-- Where the caretaker works.
SELECT set_config('search_path', %(schema)s, true);

-- :name hospital_endpoints
-- The hospitals whose systems have an address.
SELECT id, endpoint FROM public.provider WHERE endpoint IS NOT NULL;

-- :name offers_waiting
-- Offers that these hospitals have not answered in time, of each the longest wait first.
SELECT w.id, w.setl_id, h.id, w.deadline FROM unnest(%(hospitals)s::text[]) AS h (id)
CROSS JOIN LATERAL (
    SELECT s.id, s.setl_id, s.deadline FROM settlement s
    WHERE s.deadline <= %(at)s AND s.hospital = h.id ORDER BY s.deadline, s.id LIMIT %(most)s) AS w
ORDER BY w.deadline, w.id;

-- :name adjusting
-- Settlements that were taken back, and whose followers have waited long enough; by the index of what waits.
SELECT id, adjust_at FROM settlement WHERE adjust_at <= %(at)s AND id > %(after)s ORDER BY id + 0 LIMIT %(most)s;

-- :name notices_waiting
-- What people are to be told, the oldest first, with their sealed numbers.
SELECT n.id, n.person_id, n.zh, n.en, p.phone_sealed, k.wrapped
FROM notice n JOIN person p ON p.id = n.person_id LEFT JOIN person_key k ON k.person_id = n.person_id
WHERE n.sent_at IS NULL AND NOT n.declined AND n.id > %(after)s ORDER BY n.id LIMIT %(most)s;

-- :name notice_sent
-- A person was told.
UPDATE notice SET sent_at = %(at)s WHERE id = %(notice)s;

-- :name notice_declined
-- Nobody can be told under this number, or there is none.
UPDATE notice SET declined = true WHERE id = %(notice)s;
