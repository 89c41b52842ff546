-- As invariants.sql: each statement finds offenders among endorsements and what they came to, one text per row.

-- :name as_recorded
-- d. Each endorsement was asked for and ended as the record says, by whom it says.
WITH said AS (
    SELECT e.seq, e.request_id, e.kind, e.credential, e.person_id, convert_from(e.answer, 'UTF8')::jsonb AS told FROM event e
    WHERE e.outcome = 'done' AND e.kind IN ('endorsement', 'endorsement-answer', 'endorsement-expiry')),
asked AS (SELECT * FROM said WHERE kind = 'endorsement'),
ended AS (SELECT *, (told ->> 'endorsement')::bigint AS endorsement FROM said WHERE kind <> 'endorsement' OR told ->> 'state' = 'done')
SELECT format('endorsement %%s is not what event %%s says', n.id, a.seq) FROM endorsement n JOIN asked a ON a.request_id = n.id
WHERE (n.kind, n.person_id, n.asked_by) IS DISTINCT FROM (a.told ->> 'kind', a.person_id, a.credential)
UNION ALL
SELECT format('endorsement %%s was not asked for', n.id) FROM endorsement n
WHERE n.order_id IS NULL AND NOT EXISTS (SELECT FROM asked a WHERE a.request_id = n.id)
UNION ALL
SELECT format('event %%s asks for an endorsement that is not there', a.seq) FROM asked a
WHERE NOT EXISTS (SELECT FROM endorsement n WHERE n.id = a.request_id)
UNION ALL
SELECT format('endorsement %%s is %%s, answered by %%s; event %%s says %%s, by %%s', n.id, n.state, n.answered_by, e.seq,
              e.told ->> 'state', e.credential)
FROM ended e JOIN endorsement n ON n.id = e.endorsement
WHERE (n.state, n.ended_by) IS DISTINCT FROM (e.told ->> 'state', e.request_id)
   OR (e.kind = 'endorsement-answer') <> (n.answered_by IS NOT NULL)
   OR (e.kind = 'endorsement-answer' AND n.answered_by IS DISTINCT FROM e.credential)
UNION ALL
SELECT format('endorsement %%s is %%s, and nothing ended it', n.id, n.state) FROM endorsement n
WHERE n.order_id IS NULL AND n.state <> 'proposed' AND NOT EXISTS (SELECT FROM ended e WHERE e.endorsement = n.id);

-- :name four_eyes
-- d. What needs two people was approved by another than asked for it, and not by whom it is about.
SELECT format('endorsement %%s (%%s) was asked for by %%s and approved by %%s', id, kind, asked_by, COALESCE(answered_by::text, 'nobody'))
FROM endorsement
WHERE state = 'done' AND kind NOT IN ('phone', 'insured-added', 'insured-removed')
  AND (answered_by IS NULL OR answered_by = asked_by OR answerer_id IN (person_id, asker_id));

-- :name facts
-- d. What was corrected of a policy's facts rests on a correction that was done, and a correction that moved money stands there.
WITH corrected AS (
    SELECT y.order_id, y.position, y.insured_id, y.period_from, c ->> 'fact' AS fact, (c ->> 'by')::bigint AS by,
           (c ->> 'from')::date AS since
    FROM policy y CROSS JOIN LATERAL jsonb_array_elements(y.facts -> 'corrected') AS c)
SELECT format('policy %%s of order %%s: its %%s was corrected, and endorsement %%s does not say so', c.position, c.order_id, c.fact, c.by)
FROM corrected c LEFT JOIN endorsement n ON n.id = c.by AND n.state = 'done'
WHERE (n.person_id, CASE n.fact WHEN 'born' THEN 'age' WHEN 'past_claims' THEN c.fact ELSE n.fact END,
       CASE n.fact WHEN 'born' THEN c.period_from ELSE GREATEST(n.effective_on, c.period_from) END)
    IS DISTINCT FROM (c.insured_id, c.fact, c.since)
   OR (n.fact = 'past_claims') <> (c.fact IN ('claim_free_years', 'healthy_years', 'paid_last_year'))
UNION ALL
SELECT format('endorsement %%s changed what policy %%s of order %%s pays, and does not stand among its facts', f.endorsement_id, f.position,
              f.order_id)
FROM endorsement_effect f JOIN endorsement n ON n.id = f.endorsement_id AND n.fact IN ('hardship', 'insutype', 'born', 'past_claims')
JOIN policy y ON y.order_id = f.order_id AND y.position = f.position AND y.insured_id = n.person_id
WHERE NOT EXISTS (SELECT FROM corrected c WHERE c.order_id = f.order_id AND c.position = f.position AND c.by = f.endorsement_id);

-- :name effects
-- g. What corrections changed of what is due is what the record says, payment by payment.
WITH said AS (
    SELECT (convert_from(e.answer, 'UTF8')::jsonb ->> 'endorsement')::bigint AS endorsement_id,
           substr(split_part(f ->> 'settlement', '-', 2), 2)::bigint AS settlement_id,
           split_part(f ->> 'policy', '-', 2)::bigint AS order_id, split_part(f ->> 'policy', '-', 4)::smallint AS position,
           (f ->> 'before_fen')::bigint AS before_fen,
           (f ->> 'after_fen')::bigint AS after_fen
    FROM event e CROSS JOIN LATERAL jsonb_array_elements(convert_from(e.answer, 'UTF8')::jsonb -> 'effects') AS f
    WHERE e.kind = 'endorsement-answer' AND e.outcome = 'done')
SELECT format('endorsement %%s, settlement %%s: %%s fen were right before and %%s after, the record says %%s and %%s',
              COALESCE(f.endorsement_id, s.endorsement_id), COALESCE(f.settlement_id, s.settlement_id), f.before_fen, f.after_fen,
              s.before_fen, s.after_fen)
FROM endorsement_effect f FULL JOIN said s ON s.endorsement_id = f.endorsement_id AND s.settlement_id = f.settlement_id
    AND s.order_id = f.order_id AND s.position = f.position
WHERE (f.before_fen, f.after_fen) IS DISTINCT FROM (s.before_fen, s.after_fen);

-- :name replaced
-- f. An order whose people changed is void, and another of the same policyholder stands in its place.
SELECT format('endorsement %%s puts an order in the place of %%s, which is %%s', n.id, n.order_id, COALESCE(o.state, 'not there'))
FROM endorsement n LEFT JOIN orders o ON o.id = n.order_id LEFT JOIN orders m ON m.id = n.id
WHERE n.order_id IS NOT NULL AND ((o.state, o.buyer_id) IS DISTINCT FROM ('void', n.person_id) OR m.buyer_id IS DISTINCT FROM n.person_id);

-- :name waits
-- h. A proposal is answered within its time, or lapses.
SELECT format('endorsement %%s waits for an answer since %%s, and was to lapse at %%s', id, at, expires_at) FROM endorsement
WHERE state = 'proposed' AND expires_at < %(overdue)s;

-- :name orphans
-- Each row's parent is there.
SELECT format('endorsement %%s is about nobody known', n.id) FROM endorsement n
WHERE NOT EXISTS (SELECT FROM person p WHERE p.id = n.person_id)
UNION ALL
SELECT format('endorsement %%s is about a settlement of another, or of nobody', n.id) FROM endorsement n
WHERE n.settlement_id IS NOT NULL AND NOT EXISTS (SELECT FROM settlement s WHERE s.id = n.settlement_id AND s.person_id = n.person_id)
UNION ALL
SELECT format('endorsement %%s came to something for settlement %%s, of which one is not there', f.endorsement_id, f.settlement_id)
FROM endorsement_effect f
WHERE NOT EXISTS (SELECT FROM endorsement n WHERE n.id = f.endorsement_id AND n.kind = 'correction' AND n.state = 'done')
   OR NOT EXISTS (SELECT FROM payment p WHERE p.settlement_id = f.settlement_id AND p.order_id = f.order_id AND p.position = f.position);
