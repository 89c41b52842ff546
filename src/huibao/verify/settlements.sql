-- As invariants.sql: each statement finds offenders among settlements and what is owed for them, one text per row.
-- A settlement's number ends in its id, S000000000124, before the digit that checks it.

-- :name as_recorded
-- d. Each settlement is what its event says, policy by policy, and stands as the last event about it left it.
WITH said AS (
    SELECT e.seq, e.request_id, e.at, e.kind, e.person_id, convert_from(e.answer, 'UTF8')::jsonb AS told FROM event e
    WHERE e.outcome = 'done' AND e.kind IN ('settlement', 'confirmation', 'withdrawal', 'reversal', 'adjustment', 'judgement')),
last AS (
    SELECT DISTINCT ON (split_part(told ->> 'settlement', '-', 2)) split_part(told ->> 'settlement', '-', 2) AS number, seq, told
    FROM said ORDER BY split_part(told ->> 'settlement', '-', 2), seq DESC),
paid AS (
    SELECT t.seq, t.request_id AS id, split_part(p ->> 'policy', '-', 2)::bigint AS order_id,
           split_part(p ->> 'policy', '-', 4)::smallint AS position, (p ->> 'pay_fen')::bigint AS fen
    FROM said t CROSS JOIN LATERAL jsonb_array_elements(t.told -> 'policies') AS p WHERE t.kind = 'settlement')
SELECT format('settlement %%s is not what event %%s says', s.id, t.seq)
FROM said t JOIN settlement s ON s.id = t.request_id
WHERE t.kind = 'settlement' AND (
    (s.person_id, s.at, s.pay_fen, 'S' || lpad(s.id::text, 12, '0'))
        IS DISTINCT FROM (t.person_id, t.at, (t.told ->> 'pay_fen')::bigint, split_part(t.told ->> 'settlement', '-', 2))
    OR (t.told ->> 'state' = 'offered') <> (t.told ->> 'payee' = 'hospital' AND s.pay_fen > 0))
UNION ALL
SELECT format('settlement %%s is %%s and paid to the %%s, event %%s says %%s and %%s', s.id, s.state, s.payee, l.seq, l.told ->> 'state',
              l.told ->> 'payee')
FROM settlement s JOIN last l ON l.number = 'S' || lpad(s.id::text, 12, '0')
WHERE (s.state, s.payee, s.pay_fen) IS DISTINCT FROM (l.told ->> 'state', l.told ->> 'payee', (l.told ->> 'pay_fen')::bigint)
UNION ALL
SELECT format('settlement %%s, policy %%s of order %%s pays %%s fen, event %%s says %%s', COALESCE(p.settlement_id, t.id),
              COALESCE(p.position, t.position), COALESCE(p.order_id, t.order_id), p.pay_fen, t.seq, t.fen)
FROM payment p FULL JOIN paid t ON t.id = p.settlement_id AND t.order_id = p.order_id AND t.position = p.position
WHERE p.pay_fen IS DISTINCT FROM t.fen
UNION ALL
SELECT format('settlement %%s was not decided by a settlement', s.id)
FROM settlement s WHERE NOT EXISTS (SELECT FROM said t WHERE t.request_id = s.id AND t.kind = 'settlement')
UNION ALL
SELECT format('settlement of request %%s is done and is not there', t.request_id)
FROM said t WHERE t.kind = 'settlement' AND NOT EXISTS (SELECT FROM settlement s WHERE s.id = t.request_id);

-- :name reversals
-- d. Each reversal has its event, one that is done takes back what it names, and nothing else is reversed.
WITH said AS (
    SELECT e.seq, e.request_id, split_part(convert_from(e.answer, 'UTF8')::jsonb ->> 'settlement', '-', 2) AS number
    FROM event e WHERE e.kind = 'reversal' AND e.outcome = 'done')
SELECT format('reversal %%s has no event', r.id) FROM reversal r WHERE NOT EXISTS (SELECT FROM said t WHERE t.request_id = r.id)
UNION ALL
SELECT format('reversal %%s does not take settlement %%s back', r.id, r.settlement_id)
FROM reversal r JOIN settlement s ON s.id = r.settlement_id
WHERE (s.setl_id, s.hospital, s.state) IS DISTINCT FROM (r.reverses, r.hospital, 'reversed')
   OR NOT EXISTS (SELECT FROM said t WHERE t.number = 'S' || lpad(s.id::text, 12, '0'))
UNION ALL
SELECT format('settlement %%s is reversed, and no reversal says so', s.id) FROM settlement s
WHERE s.state = 'reversed' AND NOT EXISTS (SELECT FROM reversal r WHERE r.settlement_id = s.id AND r.state = 'done')
UNION ALL
SELECT format('event %%s takes a settlement back, and no reversal says so', t.seq) FROM said t
WHERE t.number <> '' AND NOT EXISTS (
    SELECT FROM reversal r WHERE r.state = 'done' AND t.number = 'S' || lpad(r.settlement_id::text, 12, '0'));

-- :name one_effect
-- e. A settlement of basic insurance is taken up once, its hospital owed once, each payout and each recovery booked once.
SELECT format('settlements %%s have one number of basic insurance', string_agg(id::text, ', ' ORDER BY id)) FROM settlement
GROUP BY setl_id HAVING count(*) > 1
UNION ALL
SELECT format('settlement %%s is taken back %%s times', settlement_id, count(*)) FROM reversal
WHERE settlement_id IS NOT NULL GROUP BY settlement_id HAVING count(*) > 1
UNION ALL
SELECT format('settlement %%s, policy %%s of order %%s: the hospital is owed %%s times', t.settlement_id, t.position, t.order_id, count(*))
FROM transfer t JOIN account a ON a.id = t.debit_id
WHERE t.kind = 'claim-incurred' AND a.kind = 'hospital' GROUP BY t.settlement_id, t.order_id, t.position HAVING count(*) > 1
UNION ALL
SELECT format('payout %%s is paid %%s times', payout_id, count(*)) FROM transfer
WHERE kind = 'claim-paid' GROUP BY payout_id HAVING count(*) > 1
UNION ALL
SELECT format('recovery %%s is received %%s times', recovery_id, count(*)) FROM transfer
WHERE kind = 'claim-recovered' GROUP BY recovery_id HAVING count(*) > 1;

-- :name payments
-- g. A settlement pays what its policies pay, each of these what its benefits pay, and nothing where it was taken back.
SELECT format('settlement %%s pays %%s fen, its policies %%s', s.id, s.pay_fen, sum(p.pay_fen))
FROM settlement s LEFT JOIN payment p ON p.settlement_id = s.id GROUP BY s.id HAVING sum(p.pay_fen) IS DISTINCT FROM s.pay_fen
UNION ALL
SELECT format('settlement %%s, policy %%s of order %%s: its benefits pay %%s and would pay %%s fen, it says %%s and %%s', p.settlement_id,
              p.position, p.order_id, f.fen, t.fen, p.pay_fen, p.target_fen)
FROM payment p
CROSS JOIN LATERAL (SELECT sum(x.fen) FILTER (WHERE x.n %% 5 = 0) AS fen, count(*) AS n
                    FROM unnest(p.figures) WITH ORDINALITY AS x (fen, n)) AS f
CROSS JOIN LATERAL (SELECT sum(x.fen) AS fen, count(*) AS n FROM unnest(p.targets) AS x (fen)) AS t
WHERE (f.fen, t.fen, f.n) IS DISTINCT FROM (p.pay_fen::numeric, p.target_fen::numeric, 5 * t.n)
UNION ALL
SELECT format('settlement %%s is %%s, and policy %%s of order %%s would still pay %%s fen', s.id, s.state, p.position, p.order_id,
              p.target_fen)
FROM payment p JOIN settlement s ON s.id = p.settlement_id WHERE s.state IN ('void', 'reversed') AND p.target_fen <> 0
UNION ALL
SELECT format('settlement %%s is paid by policy %%s of order %%s, which is not its insured''s', s.id, p.position, p.order_id)
FROM payment p JOIN settlement s ON s.id = p.settlement_id
JOIN policy y ON y.order_id = p.order_id AND y.position = p.position
WHERE (y.insured_id, y.product, y.share) IS DISTINCT FROM (s.person_id, p.product, p.share);

-- :name money
-- g. The books have what each payment says was posted; that is what is right now, or a case of the difference, or a wait.
WITH RECURSIVE waiting (id) AS (
    SELECT person_id FROM settlement WHERE adjust_at IS NOT NULL
    UNION
    SELECT theirs.insured_id
    FROM waiting w JOIN policy mine ON mine.insured_id = w.id AND mine.state <> 'void' AND mine.product = ANY(%(households)s::text[])
    JOIN orders o ON o.id = mine.order_id
    JOIN orders same ON same.buyer_id = o.buyer_id
    JOIN policy theirs ON theirs.order_id = same.id AND theirs.product = mine.product),
booked AS (
    SELECT settlement_id, order_id, position, sum(CASE kind WHEN 'claim-incurred' THEN fen ELSE -fen END) AS fen
    FROM transfer WHERE kind IN ('claim-incurred', 'claim-taken-back') GROUP BY settlement_id, order_id, position),
cases AS (
    SELECT settlement_id, order_id, position, fen FROM open_case
    WHERE kind = 'less-due' AND closed_at IS NULL AND order_id IS NOT NULL)
SELECT format('settlement %%s, policy %%s of order %%s: %%s fen posted, the books say %%s', COALESCE(p.settlement_id, b.settlement_id),
              COALESCE(p.position, b.position), COALESCE(p.order_id, b.order_id), p.posted_fen, COALESCE(b.fen, 0))
FROM payment p FULL JOIN booked b ON b.settlement_id = p.settlement_id AND b.order_id = p.order_id AND b.position = p.position
WHERE p.posted_fen IS DISTINCT FROM COALESCE(b.fen, 0)
UNION ALL
SELECT format('settlement %%s is %%s, and %%s fen of policy %%s of order %%s are posted', s.id, s.state, p.posted_fen, p.position,
              p.order_id)
FROM payment p JOIN settlement s ON s.id = p.settlement_id WHERE s.state <> 'confirmed' AND p.posted_fen <> 0
UNION ALL
SELECT format('settlement %%s, policy %%s of order %%s: %%s fen posted where %%s are right, with neither a case nor a wait', s.id,
              p.position, p.order_id, p.posted_fen, p.target_fen)
FROM payment p JOIN settlement s ON s.id = p.settlement_id
WHERE s.state = 'confirmed' AND p.posted_fen <> p.target_fen AND s.person_id NOT IN (SELECT id FROM waiting)
  AND NOT EXISTS (SELECT FROM cases c WHERE c.settlement_id = s.id AND c.order_id = p.order_id AND c.position = p.position
                  AND c.fen = p.posted_fen - p.target_fen)
UNION ALL
SELECT format('settlement %%s, policy %%s of order %%s: an open case of %%s fen where %%s are posted and %%s right', c.settlement_id,
              c.position, c.order_id, c.fen, p.posted_fen, p.target_fen)
FROM cases c JOIN settlement s ON s.id = c.settlement_id
LEFT JOIN payment p ON p.settlement_id = c.settlement_id AND p.order_id = c.order_id AND p.position = c.position
WHERE s.state <> 'confirmed'
   OR (c.fen IS DISTINCT FROM p.posted_fen - p.target_fen AND s.person_id NOT IN (SELECT id FROM waiting));

-- :name pool
-- g. The pool's streams of claims are what the books have for payments under each version of the shares.
WITH moved AS (
    SELECT p.product, p.share AS version, CASE t.kind WHEN 'claim-incurred' THEN 'claim' ELSE 'claim-returned' END AS stream,
           sum(t.fen) AS fen
    FROM transfer t JOIN payment p ON p.settlement_id = t.settlement_id AND p.order_id = t.order_id AND p.position = t.position
    WHERE t.kind IN ('claim-incurred', 'claim-taken-back') GROUP BY 1, 2, 3)
SELECT format('pool of %%s version %%s has %%s fen of %%s, the books %%s', COALESCE(t.product, m.product), COALESCE(t.version, m.version),
              t.fen, COALESCE(t.stream, m.stream), COALESCE(m.fen, 0))
FROM (SELECT * FROM pool_total WHERE stream IN ('claim', 'claim-returned')) t
FULL JOIN moved m ON m.product = t.product AND m.version = t.version AND m.stream = t.stream
WHERE t.fen IS DISTINCT FROM COALESCE(m.fen, 0)::bigint;

-- :name who_is_paid
-- g. Claims are owed to the settlement's hospital or to its insured, of the policy's product; payouts go to whom they are for.
SELECT format('transfer %%s of settlement %%s: %%s, %%s %%s of %%s', t.id, t.settlement_id, t.kind, due.kind,
              COALESCE(due.party, 'nobody'), due.product)
FROM transfer t JOIN account due ON due.id = CASE t.kind WHEN 'claim-incurred' THEN t.debit_id ELSE t.credit_id END
JOIN account claims ON claims.id = CASE t.kind WHEN 'claim-incurred' THEN t.credit_id ELSE t.debit_id END
LEFT JOIN settlement s ON s.id = t.settlement_id
LEFT JOIN payment p ON p.settlement_id = t.settlement_id AND p.order_id = t.order_id AND p.position = t.position
WHERE t.kind IN ('claim-incurred', 'claim-taken-back') AND (
    (due.product, claims.product, t.person_id) IS DISTINCT FROM (p.product, p.product, s.person_id)
    OR (due.kind = 'hospital' AND (due.party, 'hospital') IS DISTINCT FROM (s.hospital, s.payee)))
UNION ALL
SELECT format('transfer %%s of payout %%s: %%s, %%s %%s of %%s', t.id, t.payout_id, t.kind, due.kind,
              COALESCE(due.party, 'nobody'), due.product)
FROM transfer t JOIN account due ON due.id = CASE t.kind WHEN 'claim-paid' THEN t.credit_id ELSE t.debit_id END
LEFT JOIN payout o ON o.id = t.payout_id
WHERE t.kind IN ('claim-paid', 'claim-returned') AND (
    due.product IS DISTINCT FROM o.product OR (due.kind = 'claimant') IS DISTINCT FROM (o.person_id IS NOT NULL)
    OR (due.kind = 'hospital' AND due.party IS DISTINCT FROM o.hospital))
UNION ALL
SELECT format('transfer %%s of recovery %%s: from %%s of %%s', t.id, t.recovery_id, COALESCE(a.party, 'nobody'), a.product)
FROM transfer t JOIN account a ON a.id = t.debit_id LEFT JOIN recovery r ON r.id = t.recovery_id
WHERE t.kind = 'claim-recovered' AND (a.product, a.party) IS DISTINCT FROM (r.product, r.insurer)
UNION ALL
SELECT format('payout %%s is for another than its settlement or statement', o.id)
FROM payout o LEFT JOIN settlement s ON s.id = o.settlement_id LEFT JOIN statement x ON x.id = o.statement_id
WHERE (o.settlement_id IS NOT NULL AND o.person_id IS DISTINCT FROM s.person_id)
   OR (o.statement_id IS NOT NULL AND (o.hospital, o.product) IS DISTINCT FROM (x.hospital, x.product));

-- :name payouts
-- g. What is owed to people is paid out to the fen; a payout is booked when it is paid; none is open for what was taken back.
WITH owed AS (
    SELECT t.settlement_id, a.product, sum(t.fen) AS fen FROM transfer t JOIN account a ON a.id = t.debit_id
    WHERE t.kind = 'claim-incurred' AND a.kind = 'claimant' GROUP BY 1, 2),
made AS (SELECT settlement_id, product, sum(fen) AS fen FROM payout WHERE settlement_id IS NOT NULL GROUP BY 1, 2)
SELECT format('settlement %%s, %%s: %%s fen owed to the insured, %%s in payouts', COALESCE(o.settlement_id, m.settlement_id),
              COALESCE(o.product, m.product), o.fen, m.fen)
FROM owed o FULL JOIN made m ON m.settlement_id = o.settlement_id AND m.product = o.product WHERE o.fen IS DISTINCT FROM m.fen
UNION ALL
SELECT format('payout %%s over %%s fen is %%s, and %%s fen were paid for it', o.id, o.fen, o.state, COALESCE(sum(t.fen), 0))
FROM payout o LEFT JOIN transfer t ON t.payout_id = o.id AND t.kind = 'claim-paid'
GROUP BY o.id HAVING COALESCE(sum(t.fen), 0) <> CASE o.state WHEN 'paid' THEN o.fen ELSE 0 END
UNION ALL
SELECT format('payout %%s is %%s, its settlement %%s is %%s', o.id, o.state, s.id, s.state)
FROM payout o JOIN settlement s ON s.id = o.settlement_id
WHERE o.state IN ('due', 'returned') AND s.state <> 'confirmed';

-- :name statements
-- g. A statement is the sum of its lines, each of its hospital and product; agreed, it is set off or paid out to the fen.
WITH line AS (
    SELECT l.statement_id, l.transfer_id, a.kind, a.party, a.product, CASE t.kind WHEN 'claim-incurred' THEN t.fen ELSE -t.fen END AS fen
    FROM statement_line l JOIN transfer t ON t.id = l.transfer_id AND t.kind IN ('claim-incurred', 'claim-taken-back')
    JOIN account a ON a.id = CASE t.kind WHEN 'claim-incurred' THEN t.debit_id ELSE t.credit_id END)
SELECT format('statement %%s is %%s over %%s fen, its lines %%s', x.id, x.state, x.fen, COALESCE(sum(l.fen), 0))
FROM statement x LEFT JOIN line l ON l.statement_id = x.id
GROUP BY x.id HAVING COALESCE(sum(l.fen), 0) <> CASE x.state WHEN 'disputed' THEN 0 ELSE x.fen END
UNION ALL
SELECT format('statement %%s lists transfer %%s, which is not owed to its hospital', x.id, l.transfer_id)
FROM statement x JOIN line l ON l.statement_id = x.id
WHERE (l.kind, l.party, l.product) IS DISTINCT FROM ('hospital', x.hospital, x.product)
UNION ALL
SELECT format('statement %%s is %%s over %%s fen, %%s of them set off, and its payout of %%s fen is %%s', x.id, x.state, x.fen,
              x.setoff_fen, COALESCE(o.fen, 0), COALESCE(o.state, 'not there'))
FROM statement x LEFT JOIN payout o ON o.statement_id = x.id
WHERE COALESCE(o.fen, 0) <> CASE WHEN x.state IN ('agreed', 'paid') THEN x.fen - x.setoff_fen ELSE 0 END
   OR o.state = 'cancelled' OR (x.state = 'paid') <> (COALESCE(o.state, 'paid') = 'paid' AND x.state IN ('agreed', 'paid'))
UNION ALL
SELECT format('%%s, %%s: %%s fen set off, %%s were paid ahead', x.hospital, x.product, sum(x.setoff_fen), COALESCE(o.fen, 0))
FROM statement x LEFT JOIN (
    SELECT hospital, product, sum(fen) AS fen FROM payout
    WHERE hospital IS NOT NULL AND statement_id IS NULL AND state = 'paid' GROUP BY 1, 2) o
    ON o.hospital = x.hospital AND o.product = x.product
WHERE x.state IN ('agreed', 'paid') GROUP BY x.hospital, x.product, o.fen HAVING sum(x.setoff_fen) > COALESCE(o.fen, 0)
UNION ALL
SELECT format('recovery %%s over %%s fen is %%s, and %%s fen arrived for it', r.id, r.fen, r.state, COALESCE(sum(t.fen), 0))
FROM recovery r LEFT JOIN transfer t ON t.recovery_id = r.id AND t.kind = 'claim-recovered'
GROUP BY r.id HAVING COALESCE(sum(t.fen), 0) <> CASE r.state WHEN 'received' THEN r.fen ELSE 0 END;

-- :name waits
-- h. An offer is confirmed or given up, and what followed a reversal put right, within its time.
SELECT format('settlement %%s is offered since %%s, and the hospital was to be asked by %%s', id, at, deadline) FROM settlement
WHERE state = 'offered' AND (deadline IS NULL OR deadline < %(overdue)s)
UNION ALL
SELECT format('settlement %%s is %%s, and what came after it was to be put right by %%s', id, state, adjust_at) FROM settlement
WHERE adjust_at < %(overdue)s;

-- :name late_payouts
-- h. A payout is paid, or comes back, soon after the day it was due.
SELECT format('payout %%s is %%s and was due on %%s', id, state, due_on) FROM payout
WHERE state IN ('due', 'sent') AND due_on < %(late)s;

-- :name caps
-- i. What stands of a person's (or a household's) settlements is within each cap of the plan, a year's and a visit's.
SELECT format('%%s %%s, %%s: %%s fen are right now, beyond the %%s of the cap', CASE WHEN c.shared THEN 'household of' ELSE 'person' END,
              CASE WHEN c.shared THEN o.buyer_id ELSE s.person_id END, c.cap, sum(p.targets[c.benefit]), c.fen)
FROM (SELECT offer, cap, benefit::integer AS benefit, fen, shared = 1 AS shared, visit = 1 AS visit
      FROM unnest(%(offers)s::bigint[], %(caps)s::text[], %(benefits)s::bigint[], %(fen)s::bigint[], %(shared)s::bigint[],
                  %(visits)s::bigint[]) AS u (offer, cap, benefit, fen, shared, visit)) AS c
JOIN orders o ON o.offer_id = c.offer
JOIN payment p ON p.order_id = o.id
JOIN settlement s ON s.id = p.settlement_id AND s.state IN ('offered', 'confirmed')
GROUP BY c.offer, c.cap, c.fen, c.shared, CASE WHEN c.shared THEN o.buyer_id ELSE s.person_id END,
         CASE WHEN c.visit THEN s.mdtrt_id ELSE '' END
HAVING sum(p.targets[c.benefit]) > c.fen;

-- :name offers
-- Every wording that was ever sold, with its plan's text.
SELECT f.id, f.product, r.body FROM offer f JOIN rule_text r ON r.digest = f.plan_digest ORDER BY f.id;

-- :name orphans
-- Each row's parent is there.
SELECT format('settlement %%s is of nobody known', s.id) FROM settlement s WHERE NOT EXISTS (SELECT FROM person n WHERE n.id = s.person_id)
UNION ALL
SELECT format('settlement %%s, policy %%s of order %%s: the payment has no settlement', p.settlement_id, p.position, p.order_id)
FROM payment p WHERE NOT EXISTS (SELECT FROM settlement s WHERE s.id = p.settlement_id)
UNION ALL
SELECT format('settlement %%s, policy %%s of order %%s: the payment has no policy', p.settlement_id, p.position, p.order_id)
FROM payment p WHERE NOT EXISTS (SELECT FROM policy y WHERE y.order_id = p.order_id AND y.position = p.position)
UNION ALL
SELECT format('accumulators of %%s for %%s have no policy', a.whose, a.product) FROM accumulator a
WHERE NOT EXISTS (SELECT FROM policy y JOIN orders o ON o.id = y.order_id
                  WHERE y.product = a.product AND a.whose IN (y.insured_id, o.buyer_id))
UNION ALL
SELECT format('reversal %%s takes back a settlement that is not there', r.id) FROM reversal r
WHERE r.settlement_id IS NOT NULL AND NOT EXISTS (SELECT FROM settlement s WHERE s.id = r.settlement_id)
UNION ALL
SELECT format('case %%s is about a settlement or policy that is not there', c.id) FROM open_case c
WHERE (c.settlement_id IS NOT NULL AND NOT EXISTS (SELECT FROM settlement s WHERE s.id = c.settlement_id))
   OR (c.order_id IS NOT NULL AND c.settlement_id IS NOT NULL AND NOT EXISTS (
       SELECT FROM payment p WHERE p.settlement_id = c.settlement_id AND p.order_id = c.order_id AND p.position = c.position))
   OR (c.order_id IS NOT NULL AND NOT EXISTS (
       SELECT FROM policy y WHERE y.order_id = c.order_id AND (c.position IS NULL OR y.position = c.position)))
UNION ALL
SELECT format('notice %%s is for nobody known, or about a settlement that is not there', m.id) FROM notice m
WHERE NOT EXISTS (SELECT FROM person n WHERE n.id = m.person_id)
   OR (m.settlement_id IS NOT NULL AND NOT EXISTS (SELECT FROM settlement s WHERE s.id = m.settlement_id))
UNION ALL
SELECT format('a line of statement %%s has no statement, or no transfer %%s', l.statement_id, l.transfer_id) FROM statement_line l
WHERE NOT EXISTS (SELECT FROM statement x WHERE x.id = l.statement_id) OR NOT EXISTS (SELECT FROM transfer t WHERE t.id = l.transfer_id)
UNION ALL
SELECT format('payout %%s has no settlement, or no statement', o.id) FROM payout o
WHERE (o.settlement_id IS NOT NULL AND NOT EXISTS (SELECT FROM settlement s WHERE s.id = o.settlement_id))
   OR (o.statement_id IS NOT NULL AND NOT EXISTS (SELECT FROM statement x WHERE x.id = o.statement_id))
UNION ALL
SELECT format('transfer %%s has no settlement, payout or recovery', t.id) FROM transfer t
WHERE (t.settlement_id IS NOT NULL AND NOT EXISTS (SELECT FROM settlement s WHERE s.id = t.settlement_id))
   OR (t.payout_id IS NOT NULL AND NOT EXISTS (SELECT FROM payout o WHERE o.id = t.payout_id))
   OR (t.recovery_id IS NOT NULL AND NOT EXISTS (SELECT FROM recovery r WHERE r.id = t.recovery_id))
UNION ALL
SELECT format('recovery %%s has no shares of version %%s', r.id, r.version) FROM recovery r
WHERE NOT EXISTS (SELECT FROM pool_share p WHERE p.product = r.product AND p.version = r.version AND p.insurer = r.insurer);
