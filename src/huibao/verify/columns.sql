-- What columns are folded from: payments with their sealed messages. %% is a percent sign to the driver.

-- :name products
-- What anything was paid by.
SELECT DISTINCT product FROM payment ORDER BY product;

-- :name some_keys
-- A few wrapped keys of people with settlements, to see whether the keys at hand are those of the service.
SELECT k.person_id, k.wrapped FROM person_key k WHERE EXISTS (SELECT FROM settlement s WHERE s.person_id = k.person_id)
ORDER BY k.person_id LIMIT %(most)s;

-- :name settled
-- What the policies of a product paid, by who shares accumulators and in the order of acceptance: each with its message, what was
-- judged later, when it ended, what every policy of the settlement would pay, and the wordings of earlier years that saw the stay.
WITH ended AS (
    SELECT substr(split_part(said.told ->> 'settlement', '-', 2), 2)::bigint AS id, min(said.seq) AS seq
    FROM (SELECT seq, convert_from(answer, 'UTF8')::jsonb AS told FROM event
          WHERE kind IN ('reversal', 'withdrawal') AND outcome = 'done') AS said
    WHERE said.told ->> 'state' IN ('void', 'reversed') GROUP BY 1)
SELECT CASE WHEN o.offer_id = ANY(%(households)s::bigint[]) THEN o.buyer_id ELSE y.insured_id END AS whose,
       e.seq, s.id, s.setl_id, n.psn_no, s.state, d.seq, p.figures, p.targets, s.judged, e.sealed, k.wrapped,
       p.order_id, p.position, s.person_id, o.offer_id, p.product, p.share, y.period_from,
       COALESCE(y.ended_on - 1, y.period_to), y.facts::text,
       ARRAY(SELECT q.order_id FROM payment q WHERE q.settlement_id = s.id ORDER BY q.order_id, q.position),
       ARRAY(SELECT q.position::bigint FROM payment q WHERE q.settlement_id = s.id ORDER BY q.order_id, q.position),
       ARRAY(SELECT r.offer_id::bigint FROM payment q JOIN orders r ON r.id = q.order_id
             WHERE q.settlement_id = s.id ORDER BY q.order_id, q.position),
       ARRAY(SELECT q.target_fen FROM payment q WHERE q.settlement_id = s.id ORDER BY q.order_id, q.position),
       ARRAY(SELECT DISTINCT r.offer_id::bigint
             FROM settlement b JOIN payment q ON q.settlement_id = b.id JOIN orders r ON r.id = q.order_id
             JOIN policy x ON x.order_id = q.order_id AND x.position = q.position
             WHERE b.person_id = s.person_id AND b.mdtrt_id = s.mdtrt_id AND x.period_to < y.period_from)
FROM payment p
JOIN settlement s ON s.id = p.settlement_id
JOIN event e ON e.request_id = s.id
JOIN policy y ON y.order_id = p.order_id AND y.position = p.position
JOIN orders o ON o.id = p.order_id
JOIN person n ON n.id = s.person_id
LEFT JOIN person_key k ON k.person_id = s.person_id
LEFT JOIN ended d ON d.id = s.id
WHERE p.product = %(product)s
ORDER BY whose, e.seq;
