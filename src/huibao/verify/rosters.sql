-- What must hold of rosters: each statement finds offenders, one text per row, without personal data. None is good.

-- :name as_recorded
-- d. Each roster is the file that the record says was received, confirmed by whom it says, and ended as it says.
WITH said AS (
    SELECT e.seq, e.request_id, e.kind, e.credential, convert_from(e.answer, 'UTF8')::jsonb AS told FROM event e
    WHERE e.outcome = 'done' AND e.kind IN ('roster', 'roster-confirmed', 'roster-finished'))
SELECT format('roster %%s is not the file that event %%s received', r.id, COALESCE(s.seq::text, '(none)'))
FROM roster r LEFT JOIN said s ON s.request_id = r.request_id AND s.kind = 'roster'
WHERE (r.id, r.sponsor_id, r.product, encode(r.digest, 'hex'), r.lines, r.credential) IS DISTINCT FROM (
    (s.told ->> 'roster')::bigint, (s.told ->> 'sponsor')::bigint, s.told ->> 'product', s.told ->> 'digest',
    (s.told ->> 'lines')::integer, s.credential)
UNION ALL
SELECT format('file %%s was received and is no roster', s.told ->> 'roster') FROM said s
WHERE s.kind = 'roster' AND NOT EXISTS (SELECT FROM roster r WHERE r.request_id = s.request_id)
UNION ALL
SELECT format('roster %%s was confirmed by %%s, the record says %%s', r.id, r.confirmed_by, COALESCE(s.credential::text, 'nobody'))
FROM roster r LEFT JOIN said s ON s.kind = 'roster-confirmed' AND (s.told ->> 'roster')::bigint = r.id
WHERE r.confirmed_by IS DISTINCT FROM s.credential
UNION ALL
SELECT format('roster %%s is %%s, the record says %%s', r.id, r.state,
              CASE WHEN s.seq IS NULL THEN 'nothing of an end' ELSE 'it is over' END)
FROM roster r LEFT JOIN said s ON s.kind = 'roster-finished' AND (s.told ->> 'roster')::bigint = r.id
WHERE (r.state = 'done') <> (s.seq IS NOT NULL);

-- :name counts
-- f. Accepted and rejected lines are all lines of a file; a part that is done leaves none open, and says what it came to.
WITH held AS (
    SELECT roster_id, count(*) AS lines, count(order_id) AS enrolled, count(refused) AS refused, COALESCE(sum(premium_fen), 0) AS fen
    FROM roster_line GROUP BY roster_id)
SELECT format('roster %%s has %%s lines, the file %%s', r.id, COALESCE(h.lines, 0), r.lines)
FROM roster r LEFT JOIN held h ON h.roster_id = r.id WHERE r.lines IS DISTINCT FROM h.lines
UNION ALL
SELECT format('roster %%s is done with %%s lines enrolled and %%s rejected of %%s', r.id, h.enrolled, h.refused, r.lines)
FROM roster r JOIN held h ON h.roster_id = r.id WHERE r.state = 'done' AND h.enrolled + h.refused <> r.lines
UNION ALL
SELECT format('roster %%s enrolled %%s lines for %%s fen, the record says %%s for %%s', r.id, h.enrolled, h.fen, e.told ->> 'enrolled',
              e.told ->> 'premium_fen')
FROM roster r JOIN held h ON h.roster_id = r.id
JOIN (SELECT convert_from(answer, 'UTF8')::jsonb AS told FROM event WHERE kind = 'roster-finished' AND outcome = 'done') e
    ON (e.told ->> 'roster')::bigint = r.id
WHERE (h.enrolled, h.refused, h.fen) <> (
    (e.told ->> 'enrolled')::bigint, (e.told ->> 'rejected')::bigint, (e.told ->> 'premium_fen')::bigint)
UNION ALL
SELECT format('line %%s of roster %%s is in no part', l.line, l.roster_id) FROM roster_line l JOIN roster r ON r.id = l.roster_id
WHERE NOT EXISTS (
    SELECT FROM roster_part p WHERE p.roster_id = l.roster_id AND l.line BETWEEN p.first_line AND p.last_line)
UNION ALL
SELECT format('part %%s of roster %%s is done with %%s lines enrolled for %%s fen and %%s open, it says %%s for %%s', p.number, p.roster_id,
              count(l.order_id), COALESCE(sum(l.premium_fen), 0), count(*) FILTER (WHERE l.order_id IS NULL AND l.refused IS NULL),
              p.enrolled, p.charged_fen)
FROM roster_part p LEFT JOIN roster_line l ON l.roster_id = p.roster_id AND l.line BETWEEN p.first_line AND p.last_line
WHERE p.state = 'done' GROUP BY p.roster_id, p.number
HAVING (count(l.order_id), COALESCE(sum(l.premium_fen), 0)) <> (p.enrolled, p.charged_fen)
    OR count(*) FILTER (WHERE l.line IS NOT NULL AND l.order_id IS NULL AND l.refused IS NULL) > 0;

-- :name policies
-- e. Each accepted line is exactly one policy: its person's, of its product, paid for by its sponsor.
SELECT format('line %%s of roster %%s has order %%s, which is not its policy', l.line, l.roster_id, l.order_id)
FROM roster_line l JOIN roster r ON r.id = l.roster_id JOIN sponsor s ON s.id = r.sponsor_id
LEFT JOIN orders o ON o.id = l.order_id LEFT JOIN policy p ON p.order_id = o.id AND p.position = 1
WHERE l.order_id IS NOT NULL
  AND (l.person_id, l.person_id, r.product, s.name, l.premium_fen, l.premium_fen, r.confirmed_by)
      IS DISTINCT FROM (o.buyer_id, p.insured_id, p.product, o.sponsor, o.premium_fen, p.premium_fen, o.credential)
UNION ALL
SELECT format('order %%s stands in %%s lines', order_id, count(*)) FROM roster_line WHERE order_id IS NOT NULL
GROUP BY order_id HAVING count(*) > 1
UNION ALL
SELECT format('line %%s of roster %%s became an order before the roster was confirmed', l.line, l.roster_id)
FROM roster_line l JOIN roster r ON r.id = l.roster_id WHERE l.order_id IS NOT NULL AND r.confirmed_by IS NULL;

-- :name replaced
-- e. What a line took the place of is the same person's, of the same product, bought without a sponsor, and given back; cover goes on
-- without a day between or twice; and the record says so of this line.
SELECT format('line %%s of roster %%s took the place of policy %%s of order %%s, which is not its person''s own, unbegun policy', l.line,
              l.roster_id, l.replaces_position, l.replaces_order)
FROM roster_line l JOIN roster r ON r.id = l.roster_id
LEFT JOIN policy y ON y.order_id = l.order_id AND y.position = 1
LEFT JOIN policy p ON p.order_id = l.replaces_order AND p.position = l.replaces_position LEFT JOIN orders o ON o.id = p.order_id
WHERE l.replaces_order IS NOT NULL
  AND ((p.insured_id, p.product, p.state, p.ended_on, p.period_from) IS DISTINCT FROM
       (l.person_id, r.product, 'surrendered', y.period_from, y.period_from) OR o.sponsor IS NOT NULL)
UNION ALL
SELECT format('line %%s of roster %%s took the place of policy %%s of order %%s, the record says %%s', l.line, l.roster_id,
              l.replaces_position, l.replaces_order, COALESCE(s.told ->> 'takes_over', 'none'))
FROM roster_line l JOIN event e ON e.request_id = l.order_id
CROSS JOIN LATERAL (SELECT convert_from(e.answer, 'UTF8')::jsonb AS told) AS s
WHERE (l.replaces_order, l.replaces_position) IS DISTINCT FROM
      (split_part(s.told ->> 'takes_over', '-', 2)::bigint, split_part(s.told ->> 'takes_over', '-', 4)::smallint);

-- :name money
-- f. What a sponsor was charged for a roster is the sum of its premiums; what it paid in reached its account.
WITH charged AS (
    SELECT l.roster_id, sum(t.fen) AS fen FROM roster_line l
    JOIN transfer t ON t.order_id = l.order_id AND t.kind = 'premium-sponsor' GROUP BY l.roster_id),
priced AS (SELECT roster_id, sum(premium_fen) AS fen FROM roster_line GROUP BY roster_id)
SELECT format('the sponsor of roster %%s was charged %%s fen for premiums of %%s', r.id, COALESCE(c.fen, 0), COALESCE(p.fen, 0))
FROM roster r LEFT JOIN charged c ON c.roster_id = r.id LEFT JOIN priced p ON p.roster_id = r.id
WHERE COALESCE(c.fen, 0) <> COALESCE(p.fen, 0)
UNION ALL
SELECT format('sponsor %%s paid %%s fen, of which %%s reached its account', s.id, p.fen, COALESCE(f.fen, 0))
FROM sponsor s JOIN (SELECT sponsor_id, sum(fen) AS fen FROM sponsor_payment GROUP BY sponsor_id) p ON p.sponsor_id = s.id
LEFT JOIN (
    SELECT a.party, sum(t.fen) AS fen FROM transfer t JOIN account a ON a.id = t.credit_id
    WHERE t.kind = 'sponsor-funding' GROUP BY a.party) f ON f.party = s.name
WHERE p.fen > COALESCE(f.fen, 0);
