-- :name insert_outside
-- An account of the world outside.
INSERT INTO account (kind, overdraft) VALUES (%(kind)s, true);

-- :name copy_person
-- People, many at once.
COPY person (id, psn_no, born, sex, area, identity_index, name_index, identity_sealed, name_sealed) FROM STDIN;

-- :name copy_person_key
-- Their keys.
COPY person_key (person_id, wrapped) FROM STDIN;

-- :name copy_enrolment
-- Their basic insurance.
COPY enrolment (person_id, insurance, status, area, valid_from, known_from) FROM STDIN;

-- :name copy_kinship
-- Their families.
COPY kinship (person_id, relative_id, relation, account_family, evidence, valid_from, known_from) FROM STDIN;

-- :name copy_credential
-- Their credentials.
COPY public.credential (digest, role, label, programme, person_id, issued_at, expires_at) FROM STDIN;

-- :name open_accounts
-- Each payer's account with money from the fund.
WITH opened AS (
    INSERT INTO account (owner_id, kind, overdraft, credit_fen)
    SELECT 1 + n * %(family)s, 'personal', false, %(fen)s FROM generate_series(0, %(payers)s - 1) AS n
    RETURNING id, owner_id),
funded AS (
    UPDATE account SET debit_fen = debit_fen + %(fen)s::bigint * %(payers)s WHERE kind = 'fund' RETURNING id)
INSERT INTO transfer (at, kind, debit_id, credit_id, fen, person_id)
SELECT %(at)s, 'funding', funded.id, opened.id, %(fen)s, opened.owner_id FROM opened, funded ORDER BY opened.id;

-- :name terms
-- The digest of the terms that a buyer agrees to.
SELECT terms_digest FROM offer ORDER BY id DESC LIMIT 1;

-- :name tuples
-- Rows written so far, per table.
SELECT relname, n_tup_ins, n_tup_upd FROM pg_stat_user_tables WHERE schemaname = %(schema)s AND n_tup_ins + n_tup_upd > 0;

-- :name events
-- The events of the programme.
SELECT count(*) FROM event;

-- :name wal
-- Bytes of WAL written so far.
SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint;

-- :name sizes
-- The usual size of an answer and of sealed evidence.
SELECT avg(length(answer))::int, avg(length(sealed))::int FROM event WHERE outcome = 'done' AND kind = %(kind)s;

-- :name copy_provider
-- The hospital's credential.
INSERT INTO public.credential (digest, role, label, programme, provider, issued_at, expires_at)
VALUES (%(digest)s, 'provider', 'bench', %(programme)s, %(hospital)s, %(at)s, %(until)s);

-- :name insert_hospital
-- A hospital with a desk.
INSERT INTO hospital (id, name, area, grade, designated_from, desk) VALUES (%(hospital)s, 'bench', %(area)s, 3, %(since)s, true);

-- :name usual_accumulator
-- Accumulators of the usual length.
SELECT used::text FROM accumulator
ORDER BY abs(length(used::text) - (SELECT avg(length(used::text)) FROM accumulator)), whose LIMIT 1;

-- :name copy_roster_lines
-- Lines of a roster that the yardstick enrols.
COPY roster_line (roster_id, line, person_id) FROM STDIN;

-- :name open_sponsor
-- A sponsor with more than enough, out of the world outside.
WITH opened AS (
    INSERT INTO account (kind, party, overdraft, credit_fen) VALUES ('sponsor', %(name)s, false, %(fen)s) RETURNING id),
paid AS (UPDATE account SET debit_fen = debit_fen + %(fen)s WHERE kind = 'cash' RETURNING id),
known AS (INSERT INTO sponsor (id, name, kind, at, credential) VALUES (nextval('request_id'), %(name)s, 'subsidy', %(at)s, 0))
INSERT INTO transfer (at, kind, debit_id, credit_id, fen) SELECT %(at)s, 'sponsor-funding', paid.id, opened.id, %(fen)s FROM paid, opened;

-- :name sponsor_number
-- The sponsor's number.
SELECT id FROM sponsor ORDER BY id LIMIT 1;

-- :name copy_staff
-- A clerk's credential.
INSERT INTO public.credential (digest, role, label, programme, issued_at, expires_at)
VALUES (%(digest)s, 'agency', %(label)s, %(programme)s, %(at)s, %(until)s);

-- :name roster_state
-- How a roster stands, and how long its run took so far.
SELECT state, EXTRACT(epoch FROM ended_at - confirmed_at)::float8, report ->> 'accepted',
       (SELECT sum(enrolled) FROM roster_part p WHERE p.roster_id = r.id)
FROM roster r WHERE id = %(roster)s;

-- :name roster_sizes
-- The usual size of an answer and of a notice.
SELECT (SELECT avg(length(answer))::int FROM event WHERE kind = 'purchase' AND outcome = 'done'),
       (SELECT avg(length(zh))::int FROM notice), (SELECT avg(length(en))::int FROM notice);

-- :name open_holders
-- Accounts of so many people.
INSERT INTO account (owner_id, kind, overdraft) SELECT n, 'personal', false FROM generate_series(1, %(orders)s) AS n;

-- :name fund_holders
-- What they hold came from the fund.
INSERT INTO transfer (at, kind, debit_id, credit_id, fen, person_id)
SELECT %(at)s, 'funding', f.id, a.id, 2 * %(fen)s::bigint, a.owner_id
FROM account a, account f WHERE a.kind = 'personal' AND f.kind = 'fund' ORDER BY a.id;

-- :name charge_holders
-- One premium of each, into the product's clearing account.
INSERT INTO transfer (at, kind, debit_id, credit_id, fen, person_id, order_id, position)
SELECT %(at)s, 'premium-account', a.id, c.id, %(fen)s, a.owner_id, a.owner_id, 1
FROM account a, account c WHERE a.kind = 'personal' AND c.kind = 'clearing' ORDER BY a.id;

-- :name post_holders
-- The balances of all of it.
UPDATE account a SET debit_fen = m.debit, credit_fen = m.credit
FROM (SELECT account_id, sum(debit)::bigint AS debit, sum(credit)::bigint AS credit FROM (
          SELECT debit_id AS account_id, fen AS debit, 0 AS credit FROM transfer
          UNION ALL SELECT credit_id, 0, fen FROM transfer) AS entry GROUP BY account_id) AS m
WHERE a.id = m.account_id;

-- :name bare_aggregate
-- How many movements of account money a product took, and what they come to: as little as there is to ask.
SELECT count(*), sum(t.fen) FROM transfer t
WHERE t.kind = 'premium-account' AND t.credit_id = (SELECT a.id FROM account a WHERE a.kind = 'clearing' AND a.product = %(product)s);
