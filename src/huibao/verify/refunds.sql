-- Each statement finds offenders: one text per row, without personal data. None is good. %% is a percent sign to the driver.

-- :name refunds
-- f. A refund is of a surrendered policy, or of cash for one that came to nothing: once for each source, at most what that source
-- paid, and all of them at most the premium.
WITH paid AS (
    SELECT t.order_id, t.position, a.kind AS source, sum(t.fen) AS fen FROM transfer t JOIN account a ON a.id = t.debit_id
    WHERE t.kind IN ('premium-account', 'premium-cash', 'premium-sponsor') GROUP BY t.order_id, t.position, a.kind)
SELECT format('refund %%s of %%s fen to %%s: policy %%s of order %%s is %%s, %%s paid %%s', r.id, r.fen, r.source, r.position, r.order_id,
              COALESCE(p.state, 'gone'), r.source, COALESCE(c.fen, 0))
FROM refund r LEFT JOIN policy p ON p.order_id = r.order_id AND p.position = r.position
LEFT JOIN paid c ON c.order_id = r.order_id AND c.position = r.position AND c.source = r.source
WHERE NOT COALESCE(p.state = 'surrendered' OR (p.state = 'void' AND r.source = 'cash'), false) OR r.fen > COALESCE(c.fen, 0)
UNION ALL
SELECT format('policy %%s of order %%s gives %%s fen back in %%s refunds of %%s sources, its premium is %%s', r.position, r.order_id,
              sum(r.fen), count(*), count(DISTINCT r.source), min(p.premium_fen))
FROM refund r JOIN policy p ON p.order_id = r.order_id AND p.position = r.position
GROUP BY r.order_id, r.position HAVING sum(r.fen) > min(p.premium_fen) OR count(*) <> count(DISTINCT r.source);

-- :name surrenders
-- f. A surrendered policy ended as the record says, and what goes back of it is what its holder was told; one that a sponsor's took the
-- place of ended on the day on which it would have begun, and all of its premium goes back.
WITH told AS (
    SELECT e.request_id, split_part(t.told ->> 'policy', '-', 2)::bigint AS order_id,
           split_part(t.told ->> 'policy', '-', 4)::smallint AS position,
           (t.told ->> 'ended_on')::date AS ended_on, (t.told ->> 'fen')::bigint AS fen
    FROM event e CROSS JOIN LATERAL (SELECT convert_from(e.answer, 'UTF8')::jsonb AS told) AS t
    WHERE e.kind = 'surrender' AND e.outcome = 'done'
    UNION ALL
    SELECT l.order_id, l.replaces_order, l.replaces_position, p.period_from, p.premium_fen
    FROM roster_line l LEFT JOIN policy p ON p.order_id = l.replaces_order AND p.position = l.replaces_position
    WHERE l.replaces_order IS NOT NULL)
SELECT format('policy %%s of order %%s is %%s from %%s on, the record says %%s', COALESCE(p.position, t.position),
              COALESCE(p.order_id, t.order_id), COALESCE(p.state, 'gone'), p.ended_on, COALESCE(t.ended_on::text, 'nothing'))
FROM (SELECT * FROM policy WHERE state = 'surrendered') p FULL JOIN told t ON t.order_id = p.order_id AND t.position = p.position
WHERE p.ended_on IS DISTINCT FROM t.ended_on
UNION ALL
SELECT format('policy %%s of order %%s was surrendered for %%s fen, its refunds are %%s', t.position, t.order_id, t.fen, COALESCE(r.fen, 0))
FROM told t LEFT JOIN (SELECT request_id, sum(fen) AS fen FROM refund GROUP BY request_id) r ON r.request_id = t.request_id
WHERE t.fen <> COALESCE(r.fen, 0)
UNION ALL
SELECT format('refund %%s came of request %%s, which surrendered no such policy', r.id, r.request_id)
FROM refund r LEFT JOIN told t ON t.request_id = r.request_id AND t.order_id = r.order_id AND t.position = r.position
WHERE t.request_id IS NULL
  AND NOT EXISTS (SELECT FROM policy p WHERE p.order_id = r.order_id AND p.position = r.position AND p.state = 'void');

-- :name refund_money
-- f. A refund that is done has moved once, to the fen, back to the very account that paid, out of where the money was; one on its way
-- has not moved, or came back from an account that did not take it. What an insurer gives back of account money, it had.
SELECT format('refund %%s is %%s: %%s fen to %%s, moved in %%s transfers %%s fen', r.id, r.state, r.fen, r.source, count(t.id),
              COALESCE(sum(t.fen), 0))
FROM refund r JOIN orders o ON o.id = r.order_id JOIN policy p ON p.order_id = r.order_id AND p.position = r.position
LEFT JOIN transfer t ON t.refund_id = r.id
LEFT JOIN account d ON d.id = t.debit_id LEFT JOIN account c ON c.id = t.credit_id
GROUP BY r.id
HAVING count(t.id) FILTER (WHERE t.kind NOT IN ('reversal-declined', 'refund-declined'))
           <> CASE r.state WHEN 'done' THEN 1 ELSE 0 END + (r.declined IS NOT NULL)::int
    OR count(t.id) FILTER (WHERE t.kind IN ('reversal-declined', 'refund-declined')) <> (r.declined IS NOT NULL)::int
    OR (array_agg(t.at ORDER BY t.id DESC) FILTER (WHERE t.id IS NOT NULL))[1] <> r.ended_at
    OR bool_or(t.id IS NOT NULL AND (t.fen <> r.fen OR (t.order_id, t.position) IS DISTINCT FROM (r.order_id, r.position)
               OR COALESCE(d.product, c.product) IS DISTINCT FROM p.product))
    OR bool_or(t.id IS NOT NULL AND CASE t.kind WHEN 'refund-sponsor' THEN r.source <> 'sponsor' OR c.party IS DISTINCT FROM o.sponsor
                           WHEN 'refund-cash' THEN r.source <> 'cash'
                           WHEN 'refund-elsewhere' THEN r.source = 'sponsor'
                           WHEN 'reversal-declined' THEN d.kind <> r.source OR d.owner_id IS DISTINCT FROM o.buyer_id
                           WHEN 'refund-declined' THEN d.kind <> r.source OR d.owner_id IS DISTINCT FROM o.buyer_id
                           ELSE c.kind <> r.source OR c.owner_id IS DISTINCT FROM o.buyer_id END)
UNION ALL
SELECT format('transfer %%s, %%s: there is no such refund', t.id, t.kind) FROM transfer t
WHERE (t.kind LIKE 'refund-%%' OR t.kind = 'reversal-declined') AND NOT EXISTS (SELECT FROM refund r WHERE r.id = t.refund_id)
UNION ALL
SELECT format('transfer %%s, %%s of refund %%s: its money was not with the insurer then', t.id, t.kind, r.id)
FROM transfer t JOIN refund r ON r.id = t.refund_id
WHERE t.kind IN ('refund-account', 'refund-elsewhere') AND r.source IN ('personal', 'savings') AND NOT EXISTS (
    SELECT FROM remittance_line l JOIN account a ON a.id = l.account_id AND a.kind = r.source
    WHERE l.order_id = r.order_id AND l.position = r.position AND l.paid_at <= t.at AND (l.failed_at IS NULL OR l.failed_at >= t.at));

-- :name refund_elsewhere
-- f. What was paid elsewhere, with who had confirmed and accepted it by then, and whether the insurer's own reference stands there.
SELECT r.id, r.source, t.at, c.count, a.count, COALESCE(r.paid_by = d.lead, false)
FROM transfer t JOIN refund r ON r.id = t.refund_id
JOIN policy p ON p.order_id = r.order_id AND p.position = r.position JOIN product d ON d.id = p.product
CROSS JOIN LATERAL (
    SELECT count(*) FROM refund_confirmation c
    WHERE c.refund_id = r.id AND c.at <= t.at AND (c.withdrawn_at IS NULL OR c.withdrawn_at > t.at)) AS c
CROSS JOIN LATERAL (SELECT count(*) FROM refund_acceptance a WHERE a.refund_id = r.id AND a.at <= t.at) AS a
WHERE t.kind = 'refund-elsewhere' ORDER BY r.id;

-- :name channel_decisions
-- f. What clerks decided of cash that its channel speaks oddly about, two of them had found by then; one alone has moved nothing.
WITH decided AS (
    SELECT e.request_id, e.seq, e.credential, convert_from(e.answer, 'UTF8')::jsonb ->> 'state' AS state
    FROM event e WHERE e.kind = 'refund-decision' AND e.outcome = 'done')
SELECT format('event %%s decides refund %%s, which is %%s then: %%s clerks had found it %%s', d.seq, COALESCE(c.refund_id::text, 'unknown'),
              d.state, COALESCE(n.clerks, 0), COALESCE(c.reason, 'nothing'))
FROM decided d LEFT JOIN refund_confirmation c ON c.request_id = d.request_id AND c.credential = d.credential
LEFT JOIN LATERAL (
    SELECT count(DISTINCT o.credential) AS clerks FROM refund_confirmation o
    WHERE o.refund_id = c.refund_id AND o.reason = c.reason AND o.request_id <= c.request_id
      AND (o.withdrawn_at IS NULL OR o.withdrawn_at > c.at)) AS n ON true
WHERE c.request_id IS NULL OR (d.state <> 'sent') <> (n.clerks >= %(people)s)
   OR d.state <> CASE WHEN n.clerks < %(people)s THEN 'sent' WHEN c.reason = 'sent-back' THEN 'done' ELSE 'owed' END
UNION ALL
SELECT format('refund %%s: clerk %%s found what its channel did, and no event says so', c.refund_id, c.credential)
FROM refund_confirmation c
WHERE c.reason IN ('sent-back', 'elsewhere') AND NOT EXISTS (SELECT FROM decided d WHERE d.request_id = c.request_id);

-- :name refund_year
-- i. A limit year gets back what was undone in full, before its start, in the year in which it was paid; and nothing else.
SELECT format('refund %%s gives %%s back, and should %%s', r.id, COALESCE(r.limit_year::text, 'no year'), COALESCE(s.year::text, 'no year'))
FROM refund r JOIN policy p ON p.order_id = r.order_id AND p.position = r.position JOIN orders o ON o.id = r.order_id
CROSS JOIN LATERAL (
    SELECT EXTRACT(year FROM t.at AT TIME ZONE 'Asia/Shanghai')::smallint AS year
    FROM transfer t JOIN account a ON a.id = t.debit_id
    WHERE t.person_id = o.buyer_id AND t.order_id = r.order_id AND t.position = r.position AND t.kind = 'premium-account'
      AND a.kind = r.source) AS paid
CROSS JOIN LATERAL (
    SELECT CASE WHEN (r.at AT TIME ZONE 'Asia/Shanghai')::date < p.period_from
                     AND EXTRACT(year FROM r.at AT TIME ZONE 'Asia/Shanghai') = paid.year THEN paid.year END AS year) AS s
WHERE r.source IN ('personal', 'savings') AND r.limit_year IS DISTINCT FROM s.year;

-- :name refunds_sent
-- h. What the cash channel is to send back is back within three days.
SELECT format('refund %%s was given to the cash channel at %%s and is not back', id, at) FROM refund
WHERE state = 'sent' AND at < %(overdue)s;

-- :name repayments
-- l. A repayment is the sum of its refunds, which are owed until the agency has it, and done with it, unless their account declined
-- them; a disputed one lists nothing.
SELECT format('repayment %%s is %%s over %%s refunds and %%s fen, it lists %%s (%%s) and %%s fen', y.id, y.state, y.count, y.fen,
              count(r.id), COALESCE(string_agg(DISTINCT r.state, ','), 'none'), COALESCE(sum(r.fen), 0))
FROM repayment y LEFT JOIN repayment_line l ON l.repayment_id = y.id LEFT JOIN refund r ON r.id = l.refund_id
GROUP BY y.id
HAVING CASE y.state
    WHEN 'disputed' THEN count(l.refund_id) > 0
    ELSE count(r.id) <> y.count OR sum(r.fen) IS DISTINCT FROM y.fen
         OR bool_or(r.state <> CASE y.state WHEN 'told' THEN 'owed' ELSE 'done' END AND (y.state = 'told' OR r.declined IS NULL))
         OR bool_or(y.state = 'received' AND NOT EXISTS (
             SELECT FROM transfer t WHERE t.refund_id = r.id AND t.kind = 'refund-account' AND t.at = y.answered_at)) END
UNION ALL
SELECT format('refund %%s is back on its account from the insurer, and stands in no repayment', t.refund_id) FROM transfer t
WHERE t.kind = 'refund-account' AND NOT EXISTS (SELECT FROM repayment_line l WHERE l.refund_id = t.refund_id);
