-- As in invariants.sql: each statement finds offenders, one text per row, without personal data. None is good.

-- :name who_asked
-- f. Nobody pays who did not ask: each order that no sponsor pays was sent in by somebody, with consent sealed under its buyer's key.
-- Who sent it in is kept since the third pair of migrations: the demonstration's first orders of before that are nobody's.
SELECT format('order %%s was taken up without its buyer: credential %%s, consent %%s', o.id, o.credential,
              CASE WHEN e.sealed IS NULL THEN 'none' ELSE format('of person %%s', e.person_id) END)
FROM orders o LEFT JOIN event e ON e.request_id = o.id
WHERE o.pay_with <> 'sponsor' AND (e.sealed IS NULL OR e.person_id IS DISTINCT FROM o.buyer_id OR (
    o.credential = 0 AND o.at >= (SELECT applied_at FROM migration WHERE number = 3 AND phase = 'before')));

-- :name proposals
-- d. Each proposal is about a policy that its buyer bought for its insured, and about that product's next year; one that was confirmed
-- came to an order of its buyer for its insured, which stands.
SELECT format('the proposal for policy %%s of order %%s is %%s, and %%s', r.position, r.order_id, r.state, w.wrong)
FROM renewal r
LEFT JOIN policy p ON p.order_id = r.order_id AND p.position = r.position LEFT JOIN orders o ON o.id = r.order_id
LEFT JOIN orders b ON b.id = r.bought
CROSS JOIN LATERAL (VALUES (CASE
    WHEN p.order_id IS NULL OR (o.buyer_id, p.insured_id, p.period_to) IS DISTINCT FROM (r.buyer_id, r.insured_id, r.ends_on)
        THEN 'its policy is another''s'
    WHEN NOT EXISTS (SELECT FROM unnest(%(products)s::text[], %(renews)s::text[]) AS l (product, renews)
                     WHERE l.product = r.product AND l.renews = p.product) THEN 'its product is not the next year'
    WHEN r.state = 'confirmed' AND b.buyer_id IS DISTINCT FROM r.buyer_id THEN 'its order is not its buyer''s'
    WHEN r.state = 'confirmed' AND NOT EXISTS (
        SELECT FROM policy n WHERE n.order_id = r.bought AND n.insured_id = r.insured_id AND n.product = r.product)
        THEN 'its order insures somebody else'
    WHEN b.state = 'void' THEN 'its order came to nothing'
    END)) AS w (wrong)
WHERE w.wrong IS NOT NULL;

-- :name continuity
-- d. Years without a break are those of the record: one more than the year before had, where there was one, else the first. Where that
-- one was surrendered since, or had not begun, both may have been true when it was decided: with its approval, where it was reviewed.
SELECT format('policy %%s of order %%s counts %%s years without a break, the record %%s', p.position, p.order_id, f.years,
              COALESCE(q.years, 0) + 1)
FROM policy p JOIN orders o ON o.id = p.order_id
JOIN unnest(%(products)s::text[], %(renews)s::text[], %(starts)s::date[], %(gaps)s::integer[]) AS l (product, renews, starts, gap)
  ON l.product = p.product
CROSS JOIN LATERAL (SELECT COALESCE((p.facts ->> 'years_enrolled')::integer, 1) AS years,
                           (SELECT ended_at FROM review WHERE order_id = p.order_id AND state = 'approved') AS approved_at) AS g
CROSS JOIN LATERAL (SELECT g.years, g.approved_at, (COALESCE(g.approved_at, o.at) AT TIME ZONE 'Asia/Shanghai')::date AS decided) AS f
LEFT JOIN LATERAL (
    SELECT COALESCE((q.facts ->> 'years_enrolled')::integer, 1) AS years, q.state = 'in-force' AND q.period_from <= f.decided AS certain
    FROM policy q WHERE q.insured_id = p.insured_id AND q.product = l.renews AND q.state IN ('in-force', 'surrendered')
      AND (q.order_id < p.order_id OR f.approved_at >= (SELECT at FROM orders WHERE id = q.order_id))
      AND GREATEST(l.starts, f.decided + 1) <= q.period_to + l.gap + 1
    ORDER BY q.state = 'in-force' DESC, q.order_id DESC LIMIT 1) AS q ON true
WHERE p.state <> 'void' AND f.years <> COALESCE(q.years, 0) + 1 AND (q.years IS NULL OR q.certain OR f.years <> 1);

-- :name unpaid_years
-- d. Years without a payout, by both of their names, are fewer than those without a break; there are none where the year before had
-- paid when the order was decided, and at least one where it never owed anything. Who had a payment taken back or corrected is left
-- to the record of that: what stood on the day is not told any more. A minute is what a batch may wait between its time and its
-- locks.
SELECT format('policy %%s of order %%s counts %%s healthy years and %%s without a claim, of %%s; the year before %%s', p.position,
              p.order_id, f.healthy, f.free, f.years, COALESCE(q.said, 'is another''s'))
FROM policy p JOIN orders o ON o.id = p.order_id
CROSS JOIN LATERAL (SELECT COALESCE((p.facts ->> 'years_enrolled')::integer, 1) AS years,
                           (p.facts ->> 'healthy_years')::integer AS healthy,
                           COALESCE((p.facts ->> 'claim_free_years')::integer, 0) AS free) AS f
LEFT JOIN unnest(%(products)s::text[], %(renews)s::text[]) AS l (product, renews) ON l.product = p.product
LEFT JOIN LATERAL (
    SELECT CASE WHEN b.paid THEN 'had paid' WHEN NOT b.owed THEN 'never owed anything' END AS said
    FROM policy q CROSS JOIN LATERAL (
        SELECT COALESCE(bool_or(s.at < o.at - interval '1 minute' AND y.pay_fen > 0 AND y.target_fen > 0), false) AS paid,
               COALESCE(bool_or(y.pay_fen > 0 OR y.target_fen > 0 OR s.state NOT IN ('offered', 'confirmed')), false) AS owed
        FROM payment y JOIN settlement s ON s.id = y.settlement_id WHERE y.order_id = q.order_id AND y.position = q.position) AS b
    WHERE q.insured_id = p.insured_id AND q.product = l.renews AND q.state = 'in-force' AND q.order_id < p.order_id
      AND NOT EXISTS (SELECT FROM payment y JOIN settlement s ON s.person_id = p.insured_id AND s.id = y.settlement_id
                      WHERE s.state NOT IN ('offered', 'confirmed') OR y.target_fen <> y.pay_fen)
    ORDER BY q.order_id DESC LIMIT 1) AS q ON true
WHERE p.state <> 'void' AND f.healthy IS NOT NULL AND (
    f.healthy <> f.free OR (p.facts ? 'years_enrolled' AND f.healthy >= f.years)
    OR (q.said = 'had paid' AND f.healthy > 0) OR (q.said = 'never owed anything' AND f.healthy = 0));
