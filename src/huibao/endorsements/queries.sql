-- :name named
-- Whom endorsements are about, and which numbers they would give to somebody: what never changes of them, before anything is locked.
SELECT id, kind, person_id, identity_index FROM endorsement WHERE id = ANY(%(endorsements)s::bigint[]);

-- :name of_settlements
-- Whose settlements these are.
SELECT id, person_id FROM settlement WHERE id = ANY(%(settlements)s::bigint[]);

-- :name led_by
-- Who leads what pays for these settlements and for those of these endorsements, also where they were taken back since.
SELECT DISTINCT p.settlement_id, d.lead FROM payment p JOIN product d ON d.id = p.product
WHERE p.settlement_id IN (SELECT unnest(%(settlements)s::bigint[])
                          UNION SELECT settlement_id FROM endorsement WHERE id = ANY(%(endorsements)s::bigint[]));

-- :name lock_identities
-- Identities that somebody is to get, in order, before the people: two who are to get one come one after the other.
SELECT pg_advisory_xact_lock(number) FROM unnest(%(numbers)s::bigint[]) AS number;

-- :name endorsements
-- Endorsements as they stand, under the lock of whom they are about.
SELECT id, at, kind, person_id, settlement_id, fact, effective_on, until_on, identity_index, asked_by, asker_id, expires_at, state,
       answered_by, answerer_id, sealed, ended_by
FROM endorsement WHERE id = ANY(%(endorsements)s::bigint[]);

-- :name details
-- What is known of people, sealed, and where they are paid to.
SELECT p.id, p.born, p.died, p.identity_index, p.identity_sealed, p.name_sealed, p.phone_sealed, b.sealed
FROM person p LEFT JOIN bank_account b ON b.person_id = p.id AND b.known_to IS NULL
WHERE p.id = ANY(%(people)s::bigint[]);

-- :name standings
-- Hardship and being away, as known now.
SELECT person_id, kind, value, valid_from, valid_to FROM standing
WHERE person_id = ANY(%(people)s::bigint[]) AND kind IN ('hardship', 'away') AND known_to IS NULL ORDER BY person_id, valid_from;

-- :name holders
-- Who has these identities.
SELECT identity_index, id FROM person WHERE identity_index = ANY(%(indexes)s::bytea[]);

-- :name insert_endorsements
-- New endorsements, proposed or done.
INSERT INTO endorsement (id, at, kind, person_id, settlement_id, fact, effective_on, until_on, identity_index, asked_by, asker_id,
                         expires_at, state, answered_by, answerer_id, sealed, ended_by, ended_at)
SELECT u.id, u.at, u.kind, u.person, u.settlement, u.fact, u.since, u.until, u.identity, u.asked_by, u.asker, u.expires, u.state,
       u.answered_by, u.answerer, u.sealed, u.ended_by, CASE WHEN u.state <> 'proposed' THEN %(at)s END
FROM unnest(%(ids)s::bigint[], %(ats)s::timestamptz[], %(kinds)s::text[], %(people)s::bigint[], %(settlements)s::bigint[],
            %(facts)s::text[], %(since)s::date[], %(until)s::date[], %(identities)s::bytea[], %(asked_by)s::bigint[], %(askers)s::bigint[],
            %(expires)s::timestamptz[], %(states)s::text[], %(answered_by)s::bigint[], %(answerers)s::bigint[], %(sealed)s::bytea[],
            %(ended_by)s::bigint[])
     AS u (id, at, kind, person, settlement, fact, since, until, identity, asked_by, asker, expires, state, answered_by, answerer, sealed,
           ended_by);

-- :name end_endorsements
-- Endorsements that were answered, or were not in time.
UPDATE endorsement e SET state = u.state, answered_by = u.answered_by, answerer_id = u.answerer, ended_by = u.ended_by,
       ended_at = %(at)s
FROM unnest(%(ids)s::bigint[], %(states)s::text[], %(answered_by)s::bigint[], %(answerers)s::bigint[], %(ended_by)s::bigint[])
     AS u (id, state, answered_by, answerer, ended_by)
WHERE e.id = u.id;

-- :name insert_effects
-- What corrections changed of what is due.
INSERT INTO endorsement_effect (endorsement_id, settlement_id, order_id, position, before_fen, after_fen)
SELECT * FROM unnest(%(endorsements)s::bigint[], %(settlements)s::bigint[], %(orders)s::bigint[], %(positions)s::smallint[],
                     %(before)s::bigint[], %(after)s::bigint[]);

-- :name move_people
-- People with other details; what is the same is written again.
UPDATE person p SET born = u.born, identity_index = COALESCE(u.identity_index, p.identity_index),
       identity_sealed = COALESCE(u.identity, p.identity_sealed), name_index = COALESCE(u.name_index, p.name_index),
       name_sealed = COALESCE(u.name, p.name_sealed), phone_index = COALESCE(u.phone_index, p.phone_index),
       phone_sealed = COALESCE(u.phone, p.phone_sealed)
FROM unnest(%(people)s::bigint[], %(born)s::date[], %(identity_indexes)s::bytea[], %(identities)s::bytea[], %(name_indexes)s::bytea[],
            %(names)s::bytea[], %(phone_indexes)s::bytea[], %(phones)s::bytea[])
     AS u (id, born, identity_index, identity, name_index, name, phone_index, phone)
WHERE p.id = u.id;

-- :name close_accounts
-- Where these people were paid to is known no longer.
UPDATE bank_account SET known_to = %(at)s WHERE person_id = ANY(%(people)s::bigint[]) AND known_to IS NULL;

-- :name insert_accounts
-- Where they are paid to from now on, sealed.
INSERT INTO bank_account (person_id, sealed, known_from)
SELECT u.person, u.sealed, %(at)s FROM unnest(%(people)s::bigint[], %(sealed)s::bytea[]) AS u (person, sealed);

-- :name close_look_backs
-- What was found of these people's earlier diagnoses is known no longer.
UPDATE look_back SET known_to = GREATEST(%(at)s, known_from) WHERE person_id = ANY(%(people)s::bigint[]) AND known_to IS NULL;

-- :name insert_look_backs
-- What is known of them from now on, sealed: after whatever was known of them at the same instant.
INSERT INTO look_back (person_id, sealed, known_from)
SELECT u.person, u.sealed, GREATEST(%(at)s, (
    SELECT max(b.known_from) + interval '1 microsecond' FROM look_back b WHERE b.person_id = u.person))
FROM unnest(%(people)s::bigint[], %(sealed)s::bytea[]) AS u (person, sealed);

-- :name close_standings
-- What was known of hardship or being away is known no longer.
UPDATE standing s SET known_to = GREATEST(%(at)s, s.known_from)
FROM unnest(%(people)s::bigint[], %(kinds)s::text[], %(values)s::text[], %(since)s::date[]) AS u (person, kind, value, since)
WHERE s.person_id = u.person AND s.kind = u.kind AND s.value = u.value AND s.valid_from = u.since AND s.known_to IS NULL;

-- :name insert_standings
-- What is known of it from now on: after whatever was known of it at the same instant.
INSERT INTO standing (person_id, kind, value, valid_from, valid_to, known_from)
SELECT u.person, u.kind, u.value, u.since, u.until, GREATEST(%(at)s, (
    SELECT max(s.known_from) + interval '1 microsecond' FROM standing s
    WHERE s.person_id = u.person AND s.kind = u.kind AND s.value = u.value AND s.valid_from = u.since))
FROM unnest(%(people)s::bigint[], %(kinds)s::text[], %(values)s::text[], %(since)s::date[], %(until)s::date[])
     AS u (person, kind, value, since, until);

-- :name waiting
-- Proposals that nobody answered in time.
SELECT id FROM endorsement WHERE state = 'proposed' AND expires_at <= %(at)s AND id > %(after)s ORDER BY id LIMIT %(most)s;

-- :name read
-- One endorsement, whose it is and where that person lives, with what was sealed and the key that opens it.
SELECT e.id, e.at, e.kind, e.person_id, p.area, e.order_id, e.settlement_id, e.fact, e.effective_on, e.until_on, e.asked_by, e.answered_by,
       e.state, e.expires_at, e.ended_at, e.sealed, k.wrapped
FROM endorsement e JOIN person p ON p.id = e.person_id LEFT JOIN person_key k ON k.person_id = e.person_id
WHERE e.id = %(endorsement)s;

-- :name leads
-- The insurers that an endorsement concerns: who leads the order's policies, what pays for the visit, or else the person's policies.
SELECT d.lead FROM endorsement e JOIN policy y ON y.order_id IN (e.order_id, e.id) JOIN product d ON d.id = y.product
WHERE e.id = %(endorsement)s AND e.order_id IS NOT NULL AND y.state <> 'void'
UNION SELECT d.lead FROM endorsement e JOIN payment p ON p.settlement_id = e.settlement_id JOIN product d ON d.id = p.product
WHERE e.id = %(endorsement)s
UNION SELECT d.lead FROM endorsement e JOIN policy y ON y.insured_id = e.person_id JOIN product d ON d.id = y.product
WHERE e.id = %(endorsement)s AND e.order_id IS NULL AND e.settlement_id IS NULL AND y.state <> 'void';

-- :name effects
-- What a correction changed of what is due, settlement by settlement.
SELECT f.settlement_id, f.order_id, f.position, f.before_fen, f.after_fen, s.person_id, d.lead
FROM endorsement_effect f JOIN settlement s ON s.id = f.settlement_id
JOIN policy y ON y.order_id = f.order_id AND y.position = f.position JOIN product d ON d.id = y.product
WHERE f.endorsement_id = %(endorsement)s ORDER BY f.settlement_id, f.order_id, f.position;

-- :name waiting_for_answer
-- Proposals that wait for a second person, the oldest first; an area's are those of its people, an insurer's those about what it pays.
SELECT e.id, e.at, e.kind, e.fact, e.person_id, e.effective_on, e.asked_by, e.state, e.expires_at, e.ended_at
FROM endorsement e JOIN person p ON p.id = e.person_id
WHERE e.state = 'proposed' AND e.id > %(after)s AND (%(area)s = '' OR p.area = %(area)s)
  AND (%(insurer)s = '' OR EXISTS (
      SELECT FROM payment y JOIN product d ON d.id = y.product WHERE y.settlement_id = e.settlement_id AND d.lead = %(insurer)s))
ORDER BY e.id LIMIT %(most)s;

-- :name of_person
-- What was asked for about a person, newest first.
SELECT e.id, e.at, e.kind, e.fact, e.person_id, e.effective_on, e.asked_by, e.state, e.expires_at, e.ended_at
FROM endorsement e WHERE e.person_id = %(person)s ORDER BY e.id DESC LIMIT %(most)s;

-- :name of_policy
-- What was endorsed of a policy, newest first: its order's changes, what is known of its insured, visits that it pays for, what was
-- corrected that it pays; of all that, what who asks may read one by one: a person their own, an area its people's, an insurer what
-- concerns it.
WITH concerning (id) AS (
    SELECT id FROM endorsement WHERE order_id = %(order)s
    UNION SELECT %(order)s
    UNION SELECT e.id FROM policy y JOIN endorsement e ON e.person_id = y.insured_id
          WHERE y.order_id = %(order)s AND y.position = %(position)s AND e.order_id IS NULL AND (e.settlement_id IS NULL OR EXISTS (
              SELECT FROM payment p WHERE p.settlement_id = e.settlement_id AND p.order_id = y.order_id AND p.position = y.position))
    UNION SELECT f.endorsement_id
          FROM payment p JOIN endorsement_effect f
            ON f.settlement_id = p.settlement_id AND f.order_id = p.order_id AND f.position = p.position
          WHERE p.order_id = %(order)s AND p.position = %(position)s)
SELECT e.id, e.at, e.kind, e.fact, e.person_id, e.effective_on, e.asked_by, e.state, e.expires_at, e.ended_at
FROM endorsement e JOIN policy y ON y.order_id = %(order)s AND y.position = %(position)s JOIN person n ON n.id = e.person_id
WHERE e.id IN (SELECT id FROM concerning)
  AND (%(person)s::bigint IS NULL OR e.person_id = %(person)s) AND (%(area)s = '' OR n.area = %(area)s)
  AND (%(insurer)s = '' OR (e.settlement_id IS NULL AND y.state <> 'void') OR EXISTS (
      SELECT FROM payment p JOIN product d ON d.id = p.product WHERE p.settlement_id = e.settlement_id AND d.lead = %(insurer)s))
ORDER BY e.id DESC LIMIT %(most)s;

-- :name of_settlement
-- Corrections that changed what is due for a settlement, in their order, with what was sealed with the answers that approved them.
SELECT e.id, e.ended_at, e.fact, e.effective_on, e.person_id, f.order_id, f.position, d.lead, f.before_fen, f.after_fen,
       v.request_id, v.sealed, k.wrapped
FROM endorsement_effect f JOIN endorsement e ON e.id = f.endorsement_id
JOIN policy y ON y.order_id = f.order_id AND y.position = f.position JOIN product d ON d.id = y.product
JOIN event v ON v.request_id = e.ended_by LEFT JOIN person_key k ON k.person_id = e.person_id
WHERE f.settlement_id = %(settlement)s ORDER BY v.seq, f.order_id, f.position;
