-- Each statement finds offenders of remittances: one text per row, without personal data. None is good.

-- :name lines
-- l. A line is what is left in clearing of one movement of account money of the batch's product, captured before its cut-off; or what
-- was reversed and its account, kept elsewhere, did not take.
SELECT format('line %%s of remittance %%s has %%s fen, %%s; its movement %%s of %%s fen, %%s of them reversed', l.transfer_id,
              l.remittance_id, l.fen, l.state, COALESCE(t.kind, 'is gone'), t.fen, v.fen)
FROM remittance_line l LEFT JOIN remittance r ON r.id = l.remittance_id LEFT JOIN transfer t ON t.id = l.transfer_id
LEFT JOIN account c ON c.id = t.credit_id
CROSS JOIN LATERAL (
    SELECT COALESCE(sum(b.fen), 0)::bigint AS fen FROM transfer b
    WHERE t.kind = 'premium-account' AND b.kind = 'refund-reversed' AND b.order_id = t.order_id AND b.position = t.position
      AND b.credit_id = t.debit_id) AS v
WHERE r.id IS NULL OR (t.kind IN ('premium-account', 'reversal-declined')) IS NOT TRUE
   OR (t.order_id, t.position, t.debit_id) IS DISTINCT FROM (l.order_id, l.position, l.account_id)
   OR (c.kind, c.product) IS DISTINCT FROM ('clearing', r.product) OR t.at >= r.until_at
   OR (l.state = 'paid') <> (l.paid_at IS NOT NULL AND l.failed_at IS NULL) OR (l.counted AND l.state = 'failed' AND l.failed_at IS NULL)
   OR l.fen > t.fen OR (l.state <> 'failed' AND l.fen <> t.fen - v.fen);

-- :name batches
-- l. A batch is the sum of its lines, and answered when all of them are; the insurer's account is one of its own that was in force.
SELECT format('remittance %%s of %%s lines and %%s fen is %%s, its lines %%s and %%s fen, %%s of them listed', r.id, r.count, r.fen,
              r.state, s.count, s.fen, s.listed)
FROM remittance r
CROSS JOIN LATERAL (
    SELECT count(*) AS count, COALESCE(sum(l.fen), 0)::bigint AS fen, count(*) FILTER (WHERE l.state = 'listed') AS listed
    FROM remittance_line l WHERE l.remittance_id = r.id AND l.counted) AS s
WHERE (r.count, r.fen) <> (s.count, s.fen) OR (r.state = 'answered') <> (s.listed = 0)
   OR (r.state = 'listed' AND s.listed < s.count)
UNION ALL
SELECT format('remittance %%s goes to account %%s of %%s, %%s from %%s on', r.id, r.account_id, COALESCE(a.insurer, 'nobody'), a.state,
              a.effective_at)
FROM remittance r LEFT JOIN receiving_account a ON a.id = r.account_id
WHERE (a.insurer, a.state) IS DISTINCT FROM (r.insurer, 'approved') OR a.effective_at > r.at;

-- :name money
-- l. What left clearing for a batch and did not come back is what its lines say is paid, in the books of its product.
SELECT format('remittance %%s: its paid lines come to %%s fen, the books say %%s', COALESCE(r.id, m.remittance_id), p.fen, m.fen)
FROM remittance r
FULL JOIN (
    SELECT t.remittance_id, sum(CASE t.kind WHEN 'premium-remitted' THEN t.fen ELSE -t.fen END)::bigint AS fen FROM transfer t
    WHERE t.kind IN ('premium-remitted', 'remittance-returned') OR t.remittance_id IS NOT NULL GROUP BY t.remittance_id) AS m
    ON m.remittance_id = r.id
LEFT JOIN LATERAL (
    SELECT sum(l.fen)::bigint AS fen FROM remittance_line l WHERE l.remittance_id = r.id AND l.state = 'paid') AS p ON true
WHERE r.id IS NULL OR COALESCE(p.fen, 0) <> COALESCE(m.fen, 0)
UNION ALL
SELECT format('transfer %%s of remittance %%s is in the books of %%s', t.id, r.id, a.product)
FROM transfer t JOIN remittance r ON r.id = t.remittance_id JOIN account a ON a.id = t.debit_id WHERE a.product IS DISTINCT FROM r.product;

-- :name clearing
-- l. A product's clearing account has what stands in no batch, and what is listed and not answered: nothing else.
WITH taken AS (
    SELECT t.credit_id AS account_id, t.id, t.fen - COALESCE((
        SELECT sum(b.fen) FROM transfer b
        WHERE t.kind = 'premium-account' AND b.kind = 'refund-reversed' AND b.order_id = t.order_id AND b.position = t.position
          AND b.credit_id = t.debit_id), 0) AS fen
    FROM transfer t WHERE t.kind IN ('premium-account', 'reversal-declined')),
stands AS (
    SELECT n.account_id, sum(n.fen) FILTER (WHERE l.transfer_id IS NULL) AS unlisted, sum(n.fen) FILTER (WHERE l.state = 'listed') AS listed
    FROM taken n LEFT JOIN remittance_line l ON l.transfer_id = n.id AND l.state <> 'failed' GROUP BY n.account_id)
SELECT format('clearing of %%s has %%s fen: %%s stand in no batch, %%s are listed', a.product, a.credit_fen - a.debit_fen, s.unlisted,
              s.listed)
FROM account a LEFT JOIN stands s ON s.account_id = a.id
WHERE a.kind = 'clearing' AND a.credit_fen - a.debit_fen <> COALESCE(s.unlisted, 0) + COALESCE(s.listed, 0);

-- :name receiving
-- l. A receiving account in force was decided on by another than proposed it, after the insurer confirmed it to somebody else.
SELECT format('receiving account %%s of %%s was proposed by %%s and approved by %%s, %%s call-backs before that', a.id, a.insurer,
              a.proposed_by, a.decided_by, c.count)
FROM receiving_account a
CROSS JOIN LATERAL (
    SELECT count(*) AS count FROM receiving_call k JOIN receiving_account n ON n.id = k.number_of
    WHERE k.account_id = a.id AND k.answer = 'confirmed' AND k.called_by <> a.proposed_by AND k.at <= a.decided_at
      AND n.insurer = a.insurer) AS c
WHERE a.state = 'approved' AND (a.decided_by = a.proposed_by OR c.count = 0 OR a.effective_at <= a.decided_at)
UNION ALL
SELECT format('receiving account %%s of %%s is paid to though the insurer denied it', a.id, a.insurer)
FROM receiving_account a
WHERE a.state = 'approved' AND EXISTS (SELECT FROM receiving_call k WHERE k.account_id = a.id AND k.answer = 'denied');

-- :name as_recorded
-- d. Each batch is what the record says was made.
SELECT format('remittance %%s of %%s lines and %%s fen is not what event %%s says', r.id, r.count, r.fen, COALESCE(e.seq::text, 'of none'))
FROM remittance r LEFT JOIN event e ON e.request_id = r.id
LEFT JOIN LATERAL (SELECT convert_from(e.answer, 'UTF8')::jsonb AS told WHERE e.outcome = 'done' AND e.kind = 'remittance') AS t ON true
WHERE (t.told ->> 'product', t.told ->> 'insurer', (t.told ->> 'count')::bigint, (t.told ->> 'fen')::bigint,
       (t.told ->> 'not_open')::bigint)
    IS DISTINCT FROM (r.product, r.insurer, r.count::bigint, r.fen,
                      (SELECT count(*) FROM remittance_line l WHERE l.remittance_id = r.id AND NOT l.counted))
UNION ALL
SELECT format('event %%s made remittance %%s, which is not there', e.seq, e.request_id) FROM event e
WHERE e.kind = 'remittance' AND e.outcome = 'done' AND convert_from(e.answer, 'UTF8')::jsonb ->> 'remittance' <> '0'
  AND NOT EXISTS (SELECT FROM remittance r WHERE r.id = e.request_id)
UNION ALL
SELECT format('the schedule of %%s for %%s made remittance %%s, which is another''s', u.product, u.due_on, u.remittance_id)
FROM remittance_run u LEFT JOIN remittance r ON r.id = u.remittance_id
WHERE u.remittance_id IS NOT NULL AND r.product IS DISTINCT FROM u.product;

-- :name waits
-- h. A batch is answered within its time, and what failed without being tried waits for a person.
SELECT format('remittance %%s is %%s since %%s', id, state, at) FROM remittance WHERE state <> 'answered' AND at < %(late)s
UNION ALL
SELECT format('line %%s of remittance %%s failed, and no case was ever opened for it', l.transfer_id, l.remittance_id)
FROM remittance_line l WHERE NOT l.counted AND NOT EXISTS (SELECT FROM open_case c WHERE c.transfer_id = l.transfer_id);
