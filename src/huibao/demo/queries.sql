-- :name enter
-- Whose schema this transaction works in.
SELECT set_config('search_path', %(schema)s, true);

-- :name founded
-- Whether a programme of the demonstration is here.
SELECT to_regclass(%(schema)s || '.person') IS NOT NULL;

-- :name insert_insurer
-- An insurer by the name that all programmes know, without an address for messages; one that is there stays as it is.
INSERT INTO public.insurer (id, name, created_at) VALUES (%(id)s, %(name)s, %(at)s)
ON CONFLICT (id) DO NOTHING;

-- :name known_products
-- Each product with its state, and the texts and the engine of its newest wording.
SELECT p.id, p.state, plan.body, scheme.body, o.engine
FROM product p
JOIN LATERAL (SELECT * FROM offer o WHERE o.product = p.id ORDER BY o.id DESC LIMIT 1) o ON true
JOIN rule_text plan ON plan.digest = o.plan_digest
JOIN rule_text scheme ON scheme.digest = o.scheme_digest;

-- :name count_people
-- How many people the programme has.
SELECT count(*) FROM person;

-- :name open_outside
-- The accounts that stand for the world outside: the fund that fills accounts, people's cash.
INSERT INTO account (kind, overdraft) VALUES ('fund', true), ('cash', true);

-- :name open_sponsor
-- A sponsor's prepaid account, with what it opens with.
INSERT INTO account (kind, party, overdraft, credit_fen) VALUES ('sponsor', %(party)s, false, %(fen)s);

-- :name copy_people
-- People, all that is personal sealed.
COPY person (id, psn_no, born, sex, area, died, identity_index, name_index, phone_index, identity_sealed, name_sealed, phone_sealed)
FROM STDIN (FORMAT binary);

-- :name copy_keys
-- Their data keys, wrapped.
COPY person_key (person_id, wrapped) FROM STDIN (FORMAT binary);

-- :name copy_enrolments
-- Their basic insurance.
COPY enrolment (person_id, insurance, status, area, valid_from, valid_to, known_from) FROM STDIN (FORMAT binary);

-- :name copy_standings
-- Hardship and the chronic-disease benefit.
COPY standing (person_id, kind, value, valid_from, known_from) FROM STDIN (FORMAT binary);

-- :name copy_kinships
-- Who is whose kin.
COPY kinship (person_id, relative_id, relation, account_family, evidence, valid_from, known_from) FROM STDIN (FORMAT binary);

-- :name copy_accounts
-- Their accounts, with what each opens with.
COPY account (owner_id, kind, overdraft, state, credit_fen) FROM STDIN (FORMAT binary);

-- :name fund_accounts
-- Every account that opens with money has it by one transfer from the world outside, which owes the sum.
WITH opening AS (
    INSERT INTO transfer (at, kind, debit_id, credit_id, fen, person_id)
    SELECT %(at)s, %(transfer)s, outside.id, a.id, a.credit_fen, a.owner_id
    FROM account a JOIN account outside ON outside.kind = %(outside)s
    WHERE a.kind = ANY(%(kinds)s) AND a.credit_fen > 0
    ORDER BY a.id
    RETURNING fen
)
UPDATE account SET debit_fen = debit_fen + (SELECT COALESCE(sum(fen), 0) FROM opening) WHERE kind = %(outside)s;

-- :name next_person
-- People who come later are numbered after those who were copied.
SELECT setval(pg_get_serial_sequence('person', 'id'), (SELECT max(id) FROM person));

-- :name analyze
-- What the planner believes is what has just been loaded.
ANALYZE person, person_key, enrolment, standing, kinship, account, transfer;

-- :name connect_insurers
-- Where the simulated systems of the demonstration's insurers take messages.
UPDATE public.insurer SET endpoint = %(base)s || '/insurer-' || id WHERE id LIKE 'demo-%%';

-- :name leads
-- The insurers that lead products here, with what they lead, and whether their latest test passed.
SELECT p.lead, array_agg(p.id ORDER BY p.id),
       COALESCE((SELECT t.passed FROM connection_test t WHERE t.insurer = p.lead ORDER BY t.id DESC LIMIT 1), false)
FROM product p GROUP BY p.lead ORDER BY p.lead;

-- :name providers
-- The hospitals and pharmacies that this database's programmes know.
SELECT id FROM public.provider ORDER BY id;

-- :name insert_login
-- A credential of the demonstration; one that is there stays.
INSERT INTO public.credential (digest, role, label, programme, person_id, insurer, provider, issued_at, expires_at)
VALUES (%(digest)s, %(role)s, %(label)s, %(programme)s, %(person)s, %(insurer)s, %(provider)s, %(at)s, %(until)s)
ON CONFLICT (digest) DO NOTHING;

-- :name terms_digest
-- The digest of a product's terms as they are sold now.
SELECT terms_digest FROM offer WHERE product = %(product)s ORDER BY id DESC LIMIT 1;

-- :name schemas
-- The schemas of this database's programmes.
SELECT schema_name FROM public.programme ORDER BY schema_name;

-- :name insert_provider
-- A hospital as every programme knows it.
INSERT INTO public.provider (id, name, area, created_at) VALUES (%(id)s, %(name)s, %(area)s, %(at)s) ON CONFLICT DO NOTHING;

-- :name insert_hospital
-- A hospital as this programme knows it.
INSERT INTO hospital (id, name, area, grade, designated_from, desk) VALUES (%(id)s, %(name)s, %(area)s, %(grade)s, %(since)s, %(desk)s)
ON CONFLICT DO NOTHING;

-- :name connect_hospitals
-- Where the simulated hospitals' systems answer.
UPDATE public.provider SET endpoint = %(base)s || '/hospital-' || id;

-- :name desks
-- The hospitals of a programme that deduct at their desks.
SELECT id, name FROM hospital WHERE desk ORDER BY id;

-- :name patients
-- People who are insured on a day, by their national numbers.
SELECT p.psn_no FROM person p WHERE EXISTS (
    SELECT FROM policy y WHERE y.insured_id = p.id AND y.state = 'in-force' AND %(on)s BETWEEN y.period_from AND y.period_to)
ORDER BY p.id LIMIT %(most)s;

-- :name residents
-- Adults who are no characters of the demonstration, and have no policy yet.
SELECT id FROM person WHERE id > %(characters)s AND born < %(before)s AND NOT EXISTS (SELECT FROM policy y WHERE y.insured_id = person.id)
ORDER BY id LIMIT %(most)s;

-- :name count_policies
-- Whether anybody is insured already.
SELECT count(*) FROM policy;

-- :name count_receiving
-- Whether an insurer has a receiving account, waiting or in force.
SELECT count(*) FROM receiving_account WHERE insurer = %(insurer)s AND state <> 'refused';

-- :name credential_of
-- The id of a credential.
SELECT id FROM public.credential WHERE digest = %(digest)s;

-- :name account_holders
-- People with money on an open account who are insured with nothing yet, the oldest first.
SELECT p.id FROM person p JOIN account a ON a.owner_id = p.id AND a.kind = 'personal' AND a.state = 'open'
WHERE p.died IS NULL AND p.born < %(before)s AND a.credit_fen - a.debit_fen - a.held_fen >= %(fen)s
  AND NOT EXISTS (SELECT FROM policy y WHERE y.insured_id = p.id AND y.state NOT IN ('surrendered', 'void'))
ORDER BY p.id OFFSET %(characters)s LIMIT %(most)s;

-- :name uninsured
-- Residents who have no policy of a product, with what opens their names and numbers, those in hardship first; grown-ups, alive.
SELECT p.id, p.name_sealed, p.identity_sealed, k.wrapped, s.value
FROM person p JOIN person_key k ON k.person_id = p.id
LEFT JOIN standing s ON s.person_id = p.id AND s.kind = 'hardship' AND s.known_to IS NULL
WHERE p.died IS NULL AND p.born < %(before)s AND p.id > %(characters)s
  AND NOT EXISTS (SELECT FROM policy y WHERE y.insured_id = p.id AND y.product = %(product)s AND y.state NOT IN ('surrendered', 'void'))
ORDER BY s.value IS NULL, p.id LIMIT %(most)s;

-- :name employees
-- Adults in employees' insurance who have no policy yet.
SELECT p.id FROM person p WHERE p.born < %(before)s AND p.died IS NULL
  AND EXISTS (SELECT FROM enrolment e WHERE e.person_id = p.id AND e.insurance = '310' AND e.status = '1' AND e.area = p.area)
  AND NOT EXISTS (SELECT FROM policy y WHERE y.insured_id = p.id)
ORDER BY p.id LIMIT %(most)s;

-- :name asked_elsewhere
-- How an order stands, and what the system that keeps the accounts was asked for it.
SELECT o.state, p.kind, p.state FROM orders o LEFT JOIN account_posting p ON p.order_id = o.id WHERE o.id = %(order)s ORDER BY p.id;

-- :name taken_elsewhere
-- What that system said it took.
SELECT order_id, personal_fen + savings_fen, their_at FROM account_posting WHERE kind = 'confirm' AND state = 'yes' ORDER BY id;

-- :name reviews_waiting
-- Applications under review, the oldest first.
SELECT order_id FROM review WHERE state = 'open' ORDER BY order_id LIMIT %(most)s;
