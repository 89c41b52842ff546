-- :name accounts_of
-- People's accounts. The person's row is locked already, and with it everything here.
SELECT id, owner_id, kind, product, party, overdraft, state, credit_fen - debit_fen, held_fen
FROM account WHERE owner_id = ANY(%(people)s::bigint[]);

-- :name lock_sponsors
-- Accounts of sponsors, bounded and shared: locked after people, in order of id.
SELECT id, owner_id, kind, product, party, overdraft, state, credit_fen - debit_fen, held_fen, credit_limit_fen
FROM account WHERE kind = 'sponsor' AND party = ANY(%(sponsors)s::text[])
ORDER BY id FOR NO KEY UPDATE;

-- :name look_at_sponsors
-- As lock_sponsors, for who only asks.
SELECT id, owner_id, kind, product, party, overdraft, state, credit_fen - debit_fen, held_fen, credit_limit_fen
FROM account WHERE kind = 'sponsor' AND party = ANY(%(sponsors)s::text[]) ORDER BY id;

-- :name years_of
-- What people's accounts paid and hold, in every year: a hold may end in a later one than it began in.
SELECT person_id, year, spent_fen, held_fen FROM account_year WHERE person_id = ANY(%(people)s::bigint[]);

-- :name holds_of_orders
-- Pending holds of these orders.
SELECT h.id, h.account_id, h.fen, h.order_id, h.position, h.years
FROM hold h WHERE h.order_id = ANY(%(orders)s::bigint[])
AND NOT EXISTS (SELECT FROM hold_end e WHERE e.hold_id = h.id)
ORDER BY h.id;

-- :name insert_transfers
-- What moved, in the order in which it was decided.
INSERT INTO transfer (at, kind, debit_id, credit_id, fen, person_id, order_id, position, settlement_id, payout_id, recovery_id,
                      refund_id, remittance_id)
SELECT %(at)s, * FROM unnest(%(kinds)s::text[], %(debits)s::bigint[], %(credits)s::bigint[], %(fen)s::bigint[],
                             %(people)s::bigint[], %(orders)s::bigint[], %(positions)s::smallint[], %(settlements)s::bigint[],
                             %(payouts)s::bigint[], %(recoveries)s::bigint[], %(refunds)s::bigint[], %(remittances)s::bigint[]);

-- :name claim_accounts
-- The accounts of claims of these products: what they cost, and what is between the payout account and who is paid.
SELECT id, owner_id, kind, product, party, overdraft, state, credit_fen - debit_fen, held_fen FROM account
WHERE product = ANY(%(products)s::text[]) AND kind IN ('claims', 'claimant', 'payout', 'insurer');

-- :name hospital_accounts
-- The accounts of these hospitals, one for each product that ever paid there.
SELECT id, owner_id, kind, product, party, overdraft, state, credit_fen - debit_fen, held_fen FROM account
WHERE party = ANY(%(hospitals)s::text[]) AND kind = 'hospital';

-- :name open_hospital_accounts
-- Accounts of hospitals that a product pays for the first time; one that a neighbour opens meanwhile is waited for.
INSERT INTO account (kind, product, party, overdraft)
SELECT 'hospital', u.product, u.party, true FROM unnest(%(products)s::text[], %(hospitals)s::text[]) AS u (product, party)
ON CONFLICT DO NOTHING;

-- :name open_claim_accounts
-- What a product needs to pay claims: their cost, what is owed to people, each co-insurer's own money.
INSERT INTO account (kind, product, party, overdraft)
SELECT u.kind, %(product)s, u.party, u.kind <> 'claims' FROM unnest(%(kinds)s::text[], %(parties)s::text[]) AS u (kind, party)
ON CONFLICT DO NOTHING;

-- :name insert_holds
-- What was set aside.
INSERT INTO hold (at, account_id, fen, order_id, position, years, try)
SELECT %(at)s, u.account_id, u.fen, u.order_id, u.position, string_to_array(u.years, ',')::smallint[], u.try
FROM unnest(%(accounts)s::bigint[], %(fen)s::bigint[], %(orders)s::bigint[], %(positions)s::smallint[], %(years)s::text[],
            %(tries)s::smallint[])
     AS u (account_id, fen, order_id, position, years, try);

-- :name insert_hold_ends
-- Which holds were posted or voided.
INSERT INTO hold_end (hold_id, at, how) SELECT u.hold_id, %(at)s, u.how
FROM unnest(%(holds)s::bigint[], %(hows)s::text[]) AS u (hold_id, how);

-- :name post_balances
-- The net of a batch on each account, in order of id; product accounts, the hottest, come in a later call.
UPDATE account a SET debit_fen = a.debit_fen + u.debit, credit_fen = a.credit_fen + u.credit, held_fen = a.held_fen + u.held
FROM unnest(%(accounts)s::bigint[], %(debits)s::bigint[], %(credits)s::bigint[], %(holds)s::bigint[])
     AS u (id, debit, credit, held)
WHERE a.id = u.id;

-- :name insert_years
-- Limit years that begin with this batch.
INSERT INTO account_year (person_id, year, spent_fen, held_fen)
SELECT * FROM unnest(%(people)s::bigint[], %(years)s::smallint[], %(spent)s::bigint[], %(held)s::bigint[]);

-- :name post_years
-- The net of a batch on each person's limit year.
UPDATE account_year y SET spent_fen = y.spent_fen + u.spent, held_fen = y.held_fen + u.held
FROM unnest(%(people)s::bigint[], %(years)s::smallint[], %(spent)s::bigint[], %(held)s::bigint[])
     AS u (person_id, year, spent, held)
WHERE y.person_id = u.person_id AND y.year = u.year;
