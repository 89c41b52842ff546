-- :name programmes
-- The programmes of this database.
SELECT code, name, scheme, area, schema_name FROM public.programme ORDER BY code;

-- :name look
-- Where a reader looks, and that it only reads.
SELECT set_config('search_path', %(schema)s, true), set_config('transaction_read_only', 'on', true),
       set_config('statement_timeout', '5s', true);

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
-- Orders that wait for their cash part, the longest wait first: which may be asked about, and which are over.
SELECT id, deadline <= %(at)s FROM orders
WHERE deadline IS NOT NULL AND state = 'awaiting-payment' AND at <= %(asked_from)s ORDER BY deadline LIMIT %(most)s;

-- :name void_with_cash
-- Orders of a time that were given up and had a cash part.
SELECT id FROM orders WHERE state = 'void' AND cash_fen > 0 AND at BETWEEN %(since)s AND %(until)s AND id > %(after)s
ORDER BY id LIMIT %(most)s;

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
