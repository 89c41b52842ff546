-- :name version
-- Whether what a process holds of the catalogue is still true.
SELECT version FROM catalogue_version;

-- :name offers
-- Every wording of every product, the newest of each last, with the texts of plan and terms, the pool's shares since when,
-- the product's accounts, and whether the lead's system passed its latest connection test.
SELECT p.id, p.name, p.state, p.on_sale_from, p.on_sale_to, p.listed_by, p.label, p.lead,
       o.id, o.plan_digest, o.terms_digest, o.engine, plan.body, terms.body,
       (SELECT array_agg(since ORDER BY version) FROM (SELECT DISTINCT version, since FROM pool_share WHERE product = p.id) s),
       (SELECT array_agg(version ORDER BY version) FROM (SELECT DISTINCT version FROM pool_share WHERE product = p.id) s),
       (SELECT a.id FROM account a WHERE a.product = p.id AND a.kind = 'clearing'),
       (SELECT a.id FROM account a WHERE a.product = p.id AND a.kind = 'income'),
       COALESCE((SELECT t.passed FROM connection_test t WHERE t.insurer = p.lead ORDER BY t.id DESC LIMIT 1), false)
FROM product p JOIN offer o ON o.product = p.id
JOIN rule_text plan ON plan.digest = o.plan_digest
JOIN rule_text terms ON terms.digest = o.terms_digest
ORDER BY p.id, o.id;

-- :name cash_account
-- The account that stands for people's cash.
SELECT id FROM account WHERE kind = 'cash' AND owner_id IS NULL AND product IS NULL;

-- :name insert_text
-- A rule file as loaded; the same text is kept once.
INSERT INTO rule_text (digest, kind, name, syntax, body, loaded_at)
VALUES (%(digest)s, %(kind)s, %(name)s, %(syntax)s, %(body)s, %(at)s)
ON CONFLICT (digest) DO NOTHING;

-- :name insert_product
-- A product as first loaded: readable, not on sale.
INSERT INTO product (id, name, plan_digest, lead, state, label)
VALUES (%(id)s, %(name)s, %(plan)s, %(lead)s, 'readable', %(label)s)
ON CONFLICT (id) DO NOTHING;

-- :name insert_offer
-- A wording of a product as it can be agreed to; the same wording is kept once.
INSERT INTO offer (product, plan_digest, scheme_digest, terms_digest, engine, from_at)
VALUES (%(product)s, %(plan)s, %(scheme)s, %(terms)s, %(engine)s, %(at)s)
ON CONFLICT DO NOTHING;

-- :name insert_product_account
-- The product's own accounts: nothing is shared between products.
INSERT INTO account (kind, product, party, overdraft) VALUES (%(kind)s, %(product)s, %(party)s, false)
ON CONFLICT DO NOTHING;

-- :name list_product
-- Puts a product on sale for a time, by the route that confirmed it.
UPDATE product SET state = 'on-sale', on_sale_from = %(since)s, on_sale_to = %(until)s, listed_by = %(route)s
WHERE id = %(id)s;

-- :name insert_connection_test
-- How an insurer's system did.
INSERT INTO connection_test (insurer, at, passed, report, by_credential)
VALUES (%(insurer)s, %(at)s, %(passed)s, %(report)s, %(credential)s);

-- :name connection_tests
-- The tests of an insurer's system, newest first.
SELECT at, passed, report FROM connection_test WHERE insurer = %(insurer)s ORDER BY id DESC LIMIT 20;

-- :name raise_version
-- What is sold has changed: processes read it again with their next batch.
UPDATE catalogue_version SET version = version + 1;
