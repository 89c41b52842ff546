-- :name begin
-- Opens the transaction of a batch.
BEGIN;

-- :name plan_by_keys
-- Lanes, and who works like one, look everything up by key. A plan made while a table was empty would read all of it for ever
-- after: plans are kept, and nothing tells them that the table has grown.
SELECT set_config('enable_seqscan', 'off', false), set_config('enable_hashjoin', 'off', false),
       set_config('enable_mergejoin', 'off', false), set_config('jit', 'off', false);

-- :name enter
-- Whose schema this transaction works in, and how long it may wait for a lock.
SELECT set_config('search_path', %(schema)s, true), set_config('lock_timeout', %(lock_timeout)s, true);

-- :name need_not_wait
-- What this transaction writes may be lost by a crash, until a later commit is waited for: it can be done again.
SET LOCAL synchronous_commit = off;

-- :name rollback
-- Nothing of the batch was done; without a transaction, nothing happens.
ROLLBACK;

-- :name commit
-- Makes the batch's effects and its record true together.
COMMIT;

-- :name insert_requests
-- The keys of a batch, in one order for all lanes; one that is there already, or on its way in another lane, is left out.
INSERT INTO request (key, body)
SELECT * FROM unnest(%(keys)s::uuid[], %(bodies)s::bytea[])
ON CONFLICT (key) DO NOTHING
RETURNING uuid_send(key), id;

-- :name stored_answers
-- What was answered before to these keys. A later statement than the insert: it sees what the insert waited for.
SELECT uuid_send(r.key), r.body, e.outcome, e.answer, r.id, e.person_id, e.sealed, k.wrapped
FROM request r JOIN event e ON e.request_id = r.id LEFT JOIN person_key k ON k.person_id = e.person_id
WHERE r.key = ANY(%(keys)s::uuid[]);

-- :name lock_head
-- The end of the chain; held from here to the commit, so that sequence is the order of commits.
SELECT number, seq, head FROM chain_head FOR NO KEY UPDATE;

-- :name insert_events
-- The record of a batch, in order.
INSERT INTO event (seq, request_id, at, kind, outcome, credential, person_id, answer, sealed, digest)
SELECT u.seq, u.request_id, %(at)s, u.kind, u.outcome, u.credential, u.person_id, u.answer, u.sealed, u.digest
FROM unnest(%(seqs)s::bigint[], %(requests)s::bigint[], %(kinds)s::text[], %(outcomes)s::text[], %(credentials)s::bigint[],
            %(people)s::bigint[], %(answers)s::bytea[], %(sealed)s::bytea[], %(digests)s::bytea[])
     AS u (seq, request_id, kind, outcome, credential, person_id, answer, sealed, digest);

-- :name insert_link
-- The chain's new link.
INSERT INTO link (number, first_seq, last_seq, at, head)
VALUES (%(number)s, %(first_seq)s, %(last_seq)s, %(at)s, %(head)s);

-- :name move_head
-- The chain ends here now.
UPDATE chain_head SET number = %(number)s, seq = %(last_seq)s, head = %(head)s;

-- :name start_chain
-- A new programme's chain starts at its genesis; one that has begun is left alone.
INSERT INTO chain_head (one, number, seq, head) VALUES (true, 0, 0, %(head)s) ON CONFLICT DO NOTHING;
