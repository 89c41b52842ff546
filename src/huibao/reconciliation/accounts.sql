-- :name of_orders
-- What these orders asked of the system that keeps the accounts: a hold by its order and try, as its requests left it; credits by
-- their row.
SELECT p.order_id, p.try, NULL::bigint, p.personal_fen, p.savings_fen,
       CASE WHEN EXISTS (SELECT FROM account_posting o WHERE o.order_id = p.order_id AND o.try = p.try AND o.kind <> 'credit'
                         AND o.state IN ('wanted', 'sent')) THEN 'doubt'
            WHEN EXISTS (SELECT FROM account_posting o WHERE o.order_id = p.order_id AND o.try = p.try AND o.kind = 'confirm'
                         AND o.state = 'yes') THEN 'confirmed'
            WHEN p.state = 'no' OR EXISTS (SELECT FROM account_posting o WHERE o.order_id = p.order_id AND o.try = p.try
                         AND ((o.kind = 'cancel' AND o.state = 'yes') OR (o.kind = 'confirm' AND o.state = 'no'))) THEN 'cancelled'
            ELSE 'frozen' END
FROM account_posting p WHERE p.kind = 'freeze' AND p.order_id = ANY(%(orders)s::bigint[])
UNION ALL
SELECT p.order_id, p.try, p.id, p.personal_fen, p.savings_fen,
       CASE p.state WHEN 'yes' THEN 'credited' WHEN 'no' THEN 'declined' ELSE 'doubt' END
FROM account_posting p WHERE p.kind = 'credit' AND (p.order_id = ANY(%(orders)s::bigint[]) OR p.id = ANY(%(credits)s::bigint[]));

-- :name of_day
-- What was taken and given back on a day, by that system's clock.
SELECT p.order_id, p.try, CASE p.kind WHEN 'credit' THEN p.id END, p.personal_fen, p.savings_fen,
       CASE p.kind WHEN 'credit' THEN 'credited' ELSE 'confirmed' END
FROM account_posting p
WHERE p.kind IN ('confirm', 'credit') AND p.state = 'yes' AND p.their_at >= %(since)s AND p.their_at < %(until)s
ORDER BY p.id;

-- :name open_cases
-- What is open of earlier comparisons of these days.
SELECT on_day, id, account_key, cause FROM open_case
WHERE kind = 'accounts' AND closed_at IS NULL AND on_day = ANY(%(days)s::date[]);

-- :name insert_days
-- Days as they were compared.
INSERT INTO account_day (id, at, on_day, taken_count, taken_fen, credited_count, credited_fen, our_taken_count, our_taken_fen,
                         our_credited_count, our_credited_fen, detailed, result)
SELECT u.id, %(at)s, u.day, u.taken_count, u.taken, u.credited_count, u.credited, u.our_taken_count, u.our_taken, u.our_credited_count,
       u.our_credited, u.detailed = 1, u.result
FROM unnest(%(ids)s::bigint[], %(days)s::date[], %(taken_counts)s::integer[], %(taken)s::bigint[], %(credited_counts)s::integer[],
            %(credited)s::bigint[], %(our_taken_counts)s::integer[], %(our_taken)s::bigint[], %(our_credited_counts)s::integer[],
            %(our_credited)s::bigint[], %(detailed)s::bigint[], %(results)s::text[])
     AS u (id, day, taken_count, taken, credited_count, credited, our_taken_count, our_taken, our_credited_count, our_credited, detailed,
           result);

-- :name insert_cases
-- Differences, for a person to look into; one that another comparison found meanwhile is there already.
INSERT INTO open_case (at, kind, cause, order_id, on_day, fen, account_key)
SELECT %(at)s, 'accounts', u.cause, u.order_id, u.day, u.fen, u.key
FROM unnest(%(causes)s::text[], %(orders)s::bigint[], %(days)s::date[], %(fen)s::bigint[], %(keys)s::text[])
     AS u (cause, order_id, day, fen, key)
ON CONFLICT DO NOTHING;

-- :name close_cases
-- Differences that are none any more.
UPDATE open_case SET closed_at = %(at)s, outcome = 'squared' WHERE id = ANY(%(ids)s::bigint[]) AND closed_at IS NULL;

-- :name compared
-- Which days were compared since an instant, on which something still differs, which before today never were since that system was first
-- asked anything, and whether it ever was.
SELECT ARRAY(SELECT DISTINCT on_day FROM account_day WHERE at >= %(since)s),
       ARRAY(SELECT DISTINCT on_day FROM open_case WHERE kind = 'accounts' AND closed_at IS NULL),
       ARRAY(SELECT d.day::date
             FROM (SELECT (at AT TIME ZONE 'Asia/Shanghai')::date AS day FROM account_posting ORDER BY id LIMIT 1) AS f,
                  generate_series(f.day, %(today)s::date - 1, interval '1 day') AS d (day)
             WHERE NOT EXISTS (SELECT FROM account_day a WHERE a.on_day = d.day::date)),
       EXISTS (SELECT FROM account_posting);

-- :name days
-- Comparisons, newest first.
SELECT on_day, at, result, detailed, taken_count, taken_fen, our_taken_count, our_taken_fen, credited_count, credited_fen,
       our_credited_count, our_credited_fen
FROM account_day ORDER BY id DESC LIMIT %(most)s;

-- :name doubtful
-- What that system was asked and has not answered, the longest wait first.
SELECT p.id, p.kind, p.order_id, p.personal_fen + p.savings_fen, p.state, p.at, p.sent_at FROM account_posting p
JOIN person n ON n.id = p.person_id
WHERE p.state IN ('wanted', 'sent') AND (%(area)s = '' OR n.area = %(area)s) ORDER BY p.id LIMIT %(most)s;

-- :name differing
-- Differences that are open, the oldest first.
SELECT on_day, account_key, cause, order_id, fen, at FROM open_case
WHERE kind = 'accounts' AND closed_at IS NULL ORDER BY id LIMIT %(most)s;
