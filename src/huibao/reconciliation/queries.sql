-- :name lock_hospitals
-- Hospitals of a batch, in order: their days are compared one after the other.
SELECT id FROM hospital WHERE id = ANY(%(hospitals)s::text[]) ORDER BY id FOR NO KEY UPDATE;

-- :name days
-- Settlements of these hospitals on these days.
SELECT s.id, s.setl_id, s.hospital, s.settled_on, s.state, s.payee, s.pay_fen FROM settlement s
JOIN (SELECT DISTINCT * FROM unnest(%(hospitals)s::text[], %(days)s::date[]) AS u (hospital, day)) AS d
  ON s.hospital = d.hospital AND s.settled_on = d.day
ORDER BY s.id;

-- :name named
-- Settlements that details name, whosever and of whatever day.
SELECT s.id, s.setl_id, s.hospital, s.settled_on, s.state, s.payee, s.pay_fen FROM settlement s WHERE s.setl_id = ANY(%(setl_ids)s::text[]);

-- :name open_cases
-- What is open of earlier comparisons of these days.
SELECT id, hospital, on_day, setl_id, cause FROM open_case
WHERE kind = 'reconciliation' AND closed_at IS NULL AND hospital = ANY(%(hospitals)s::text[]) AND on_day = ANY(%(days)s::date[]);

-- :name insert_reconciliations
-- Days as they were compared.
INSERT INTO reconciliation (id, at, hospital, on_day, count, fen, our_count, our_fen, detailed, result)
SELECT u.id, %(at)s, u.hospital, u.day, u.count, u.fen, u.our_count, u.our_fen, u.detailed = 1, u.result
FROM unnest(%(ids)s::bigint[], %(hospitals)s::text[], %(days)s::date[], %(counts)s::integer[], %(fen)s::bigint[], %(our_counts)s::integer[],
            %(our_fen)s::bigint[], %(detailed)s::bigint[], %(results)s::text[])
     AS u (id, hospital, day, count, fen, our_count, our_fen, detailed, result);

-- :name insert_cases
-- Differences, for a person to look into.
INSERT INTO open_case (at, kind, cause, settlement_id, setl_id, hospital, on_day, fen)
SELECT %(at)s, 'reconciliation', u.cause, u.settlement, u.setl_id, u.hospital, u.day, u.fen
FROM unnest(%(causes)s::text[], %(settlements)s::bigint[], %(setl_ids)s::text[], %(hospitals)s::text[], %(days)s::date[], %(fen)s::bigint[])
     AS u (cause, settlement, setl_id, hospital, day, fen);

-- :name close_cases
-- Differences that are none any more.
UPDATE open_case SET closed_at = %(at)s, outcome = 'squared' WHERE id = ANY(%(ids)s::bigint[]);

-- :name reconciliations
-- A hospital's comparisons of a day, newest first.
SELECT id, at, count, fen, our_count, our_fen, detailed, result FROM reconciliation
WHERE hospital = %(hospital)s AND on_day = %(day)s ORDER BY id DESC LIMIT %(most)s;
