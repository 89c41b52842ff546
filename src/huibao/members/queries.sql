-- :name lock_people
-- The people of a batch, named or by their orders, locked in order of id: with each row, all that is scarce about a person.
SELECT p.id, p.born, p.died, k.wrapped
FROM person p LEFT JOIN person_key k ON k.person_id = p.id
WHERE p.id IN (
    SELECT unnest(%(people)s::bigint[])
    UNION SELECT buyer_id FROM orders WHERE id = ANY(%(orders)s::bigint[])
    UNION SELECT insured_id FROM policy WHERE order_id = ANY(%(orders)s::bigint[]))
ORDER BY p.id FOR NO KEY UPDATE OF p;

-- :name lock_named
-- As lock_people, where no order is among the commands: a plan of its own, since most batches are of this kind.
SELECT p.id, p.born, p.died, k.wrapped
FROM person p LEFT JOIN person_key k ON k.person_id = p.id
WHERE p.id = ANY(%(people)s::bigint[])
ORDER BY p.id FOR NO KEY UPDATE OF p;

-- :name look_at_named
-- As lock_named, for who only asks.
SELECT p.id, p.born, p.died, k.wrapped
FROM person p LEFT JOIN person_key k ON k.person_id = p.id
WHERE p.id = ANY(%(people)s::bigint[]);

-- :name enrolments
-- Basic insurance in force on a day, as known now.
SELECT person_id, insurance, status, area FROM enrolment
WHERE person_id = ANY(%(people)s::bigint[]) AND valid_from <= %(on)s AND (valid_to IS NULL OR %(on)s <= valid_to)
  AND known_to IS NULL
ORDER BY person_id, insurance;

-- :name standings
-- Hardship and the chronic-disease benefit in force on a day, as known now.
SELECT person_id, kind, value FROM standing
WHERE kind <> 'away' AND person_id = ANY(%(people)s::bigint[]) AND valid_from <= %(on)s AND (valid_to IS NULL OR %(on)s <= valid_to)
  AND known_to IS NULL
ORDER BY person_id, kind, value;

-- :name kin_among
-- How the people of a batch are related to each other, on a day, as known now.
SELECT person_id, relative_id, relation, account_family FROM kinship
WHERE person_id = ANY(%(people)s::bigint[]) AND relative_id = ANY(%(people)s::bigint[])
  AND valid_from <= %(on)s AND (valid_to IS NULL OR %(on)s <= valid_to) AND known_to IS NULL;

-- :name family_of
-- A member's registered family, on a day, as known at an instant.
SELECT k.relative_id, k.relation, k.account_family, p.born, p.name_sealed, pk.wrapped
FROM kinship k JOIN person p ON p.id = k.relative_id LEFT JOIN person_key pk ON pk.person_id = p.id
WHERE k.person_id = %(person)s AND k.valid_from <= %(on)s AND (k.valid_to IS NULL OR %(on)s <= k.valid_to)
  AND k.known_from <= %(known)s AND (k.known_to IS NULL OR %(known)s < k.known_to)
ORDER BY k.relation, k.relative_id;

-- :name enrolments_as_of
-- A person's basic insurance on a day, as it was known at an instant.
SELECT insurance, status, area FROM enrolment
WHERE person_id = %(person)s AND valid_from <= %(on)s AND (valid_to IS NULL OR %(on)s <= valid_to)
  AND known_from <= %(known)s AND (known_to IS NULL OR %(known)s < known_to)
ORDER BY insurance;

-- :name close_enrolment
-- What was known of one insurance of a person is known no longer.
UPDATE enrolment SET known_to = %(at)s
WHERE person_id = %(person)s AND insurance = %(insurance)s AND known_to IS NULL;

-- :name insert_enrolment
-- What is known of one insurance of a person from now on.
INSERT INTO enrolment (person_id, insurance, status, area, valid_from, valid_to, known_from)
VALUES (%(person)s, %(insurance)s, %(status)s, %(area)s, %(valid_from)s, %(valid_to)s, %(at)s);

-- :name person
-- One person's plain columns and sealed name.
SELECT p.id, p.psn_no, p.born, p.sex, p.area, p.died, p.name_sealed, k.wrapped
FROM person p LEFT JOIN person_key k ON k.person_id = p.id WHERE p.id = %(person)s;

-- :name find_by_identity
-- Who has this identity number, by its index.
SELECT id FROM person WHERE identity_index = %(identity)s;

-- :name insert_notices
-- What people are told, and about which settlement or order, if about one.
INSERT INTO notice (at, person_id, settlement_id, order_id, zh, en)
SELECT %(at)s, * FROM unnest(%(people)s::bigint[], %(settlements)s::bigint[], %(orders)s::bigint[], %(zh)s::text[], %(en)s::text[]);
