-- Offenders of the invariants of reviews, of orders that somebody else entered, and of mandates, as in invariants.sql.

-- :name waiting
-- h. What waits for its review has one that is open, within its time, and nothing else has; a case says that it is late.
SELECT format('order %%s is %%s, its review is %%s', COALESCE(o.id, r.order_id), COALESCE(o.state, 'gone'), COALESCE(r.state, 'missing'))
FROM (SELECT * FROM orders WHERE review_by <> 'none') o FULL JOIN review r ON r.order_id = o.id
WHERE o.id IS NULL OR (o.state = 'awaiting-review' AND r.state IS DISTINCT FROM 'open')
   OR (o.state = 'completed' AND r.state IS DISTINCT FROM 'approved')
   OR (o.state = 'void' AND r.state IS NOT NULL AND r.state NOT IN ('rejected', 'overdue', 'withdrawn')
       AND NOT EXISTS (SELECT FROM account_posting c WHERE c.order_id = o.id AND c.kind = 'confirm' AND c.state = 'no'))
   OR (o.state = 'awaiting-payment' AND r.state IS NOT NULL)
   OR (o.state = 'awaiting-account' AND r.state = 'open')
UNION ALL
SELECT format('order %%s waits for its review since %%s and was void by %%s', order_id, since, void_at)
FROM review WHERE state = 'open' AND void_at < %(overdue)s
UNION ALL
SELECT format('the review of order %%s escalates at %%s, and nobody was told', order_id, escalate_at)
FROM review WHERE state = 'open' AND escalated_at IS NULL AND escalate_at < %(overdue)s
UNION ALL
SELECT format('the review of order %%s is %%s, escalated %%s; it has %%s open cases', r.order_id, r.state,
              COALESCE(r.escalated_at::text, 'never'), count(c.id))
FROM review r LEFT JOIN open_case c ON c.order_id = r.order_id AND c.kind = 'review' AND c.closed_at IS NULL
GROUP BY r.order_id HAVING count(c.id) <> (r.state = 'open' AND r.escalated_at IS NOT NULL)::int;

-- :name decided
-- f. An approved order was captured once, after as many approvals as it needs, unless another system keeps the account and has not taken
-- the money; a rejected one was rejected by somebody; nobody decided what is overdue.
SELECT format('the review of order %%s is %%s after %%s approvals and %%s rejections of %%s reviewers', r.order_id, r.state,
              count(*) FILTER (WHERE v.verdict = 'approve'), count(*) FILTER (WHERE v.verdict = 'reject'), r.reviewers)
FROM review r LEFT JOIN review_vote v ON v.order_id = r.order_id GROUP BY r.order_id
HAVING CASE r.state
    WHEN 'approved' THEN count(*) FILTER (WHERE v.verdict = 'approve') <> r.reviewers OR count(*) FILTER (WHERE v.verdict = 'reject') > 0
    WHEN 'rejected' THEN count(*) FILTER (WHERE v.verdict = 'reject') <> 1
        OR count(*) FILTER (WHERE v.verdict = 'approve') >= r.reviewers
    ELSE count(*) FILTER (WHERE v.verdict = 'reject') > 0 OR count(*) FILTER (WHERE v.verdict = 'approve') >= r.reviewers END
UNION ALL
SELECT format('policy %%s of order %%s was approved and captured %%s times', p.position, p.order_id, count(t.id))
FROM review r JOIN policy p ON p.order_id = r.order_id
LEFT JOIN transfer t ON t.order_id = p.order_id AND t.position = p.position AND t.kind = 'premium-account'
LEFT JOIN (hold h JOIN hold_end e ON e.hold_id = h.id AND e.how = 'posted')
    ON h.order_id = p.order_id AND h.position = p.position AND h.account_id = t.debit_id
WHERE r.state = 'approved'
  AND NOT EXISTS (SELECT FROM account_posting c WHERE c.order_id = r.order_id AND c.kind = 'confirm' AND c.state <> 'yes')
GROUP BY p.order_id, p.position, p.premium_fen, p.cash_fen
HAVING COALESCE(sum(t.fen), 0) <> p.premium_fen - p.cash_fen OR count(t.id) <> count(h.id);

-- :name told
-- f. Whose application was approved, rejected or overdue was told so, once; of an approval where another system keeps the account, when
-- that took the money or declined to, and not before.
SELECT format('the review of order %%s is %%s, its buyer was told %%s times', r.order_id, r.state, count(n.id))
FROM review r JOIN orders o ON o.id = r.order_id LEFT JOIN account_posting c ON c.order_id = o.id AND c.kind = 'confirm'
LEFT JOIN notice n ON n.order_id = o.id AND n.person_id = o.buyer_id AND n.at >= r.ended_at
  AND (c.state IN ('wanted', 'sent') OR n.at = COALESCE(c.ended_at, r.ended_at))
WHERE r.state IN ('approved', 'rejected', 'overdue')
GROUP BY r.order_id HAVING count(n.id) <> CASE WHEN bool_or(c.state IN ('wanted', 'sent')) THEN 0 ELSE 1 END;

-- :name four_eyes
-- f. Nobody reviewed what they entered, changed or are party to; each vote is what its event says, by whom it says.
WITH RECURSIVE chain (last, id) AS (
    SELECT order_id, order_id FROM review
    UNION
    SELECT c.last, n.order_id FROM chain c JOIN endorsement n ON n.id = c.id AND n.order_id IS NOT NULL),
hand AS (
    SELECT c.last, o.credential, COALESCE(e.person_id, n.asker_id) AS person_id FROM chain c JOIN orders o ON o.id = c.id
    LEFT JOIN order_entry e ON e.order_id = c.id LEFT JOIN endorsement n ON n.id = c.id)
SELECT format('vote %%s on order %%s was cast by who entered it, changed it or is party to it', v.number, v.order_id)
FROM review_vote v JOIN orders o ON o.id = v.order_id
WHERE v.credential IN (SELECT h.credential FROM hand h WHERE h.last = o.id) OR v.person_id = o.buyer_id
   OR v.person_id IN (SELECT h.person_id FROM hand h WHERE h.last = o.id)
   OR v.person_id IN (SELECT p.insured_id FROM policy p WHERE p.order_id = v.order_id)
UNION ALL
SELECT format('the review of order %%s says that %%s entered it, its orders say %%s', r.order_id, r.entered_by, h.credentials)
FROM review r JOIN (SELECT last, array_agg(DISTINCT credential ORDER BY credential) AS credentials FROM hand GROUP BY last) AS h
    ON h.last = r.order_id
WHERE r.entered_by <> h.credentials
UNION ALL
SELECT format('vote %%s on order %%s by credential %%s is not what event %%s says', v.number, v.order_id, v.credential, e.seq)
FROM review_vote v LEFT JOIN event e ON e.request_id = v.request_id
WHERE e.seq IS NULL OR e.kind <> 'review' OR e.outcome <> 'done' OR e.credential <> v.credential
   OR split_part(convert_from(e.answer, 'UTF8')::jsonb ->> 'order', '-', 2)::bigint <> v.order_id
UNION ALL
SELECT format('the review of event %%s is done and no vote is kept', e.seq) FROM event e
WHERE e.kind = 'review' AND e.outcome = 'done' AND NOT EXISTS (SELECT FROM review_vote v WHERE v.request_id = e.request_id);

-- :name claimed
-- f. Who has an application is who took it last and may decide it; nobody else decided it while it was theirs.
WITH step AS (
    SELECT e.seq, e.request_id, e.kind, t.told, t.order_id,
           lag(CASE WHEN e.kind = 'review-claim' THEN t.told END) OVER whole AS before, lead(e.seq) OVER whole IS NULL AS is_last
    FROM event e CROSS JOIN LATERAL (
        SELECT told, split_part(told ->> 'order', '-', 2)::bigint AS order_id
        FROM (SELECT convert_from(e.answer, 'UTF8')::jsonb AS told) AS a) AS t
    WHERE e.kind IN ('review', 'review-claim', 'review-release') AND e.outcome = 'done'
    WINDOW whole AS (PARTITION BY t.order_id ORDER BY e.seq))
SELECT format('order %%s is claimed by %%s until %%s, its events say by %%s until %%s', r.order_id, COALESCE(r.claimed_by::text, 'nobody'),
              r.claimed_until, COALESCE(s.told ->> 'credential', 'nobody'), s.told ->> 'until')
FROM review r LEFT JOIN step s ON s.order_id = r.order_id AND s.is_last AND s.kind = 'review-claim'
WHERE r.state = 'open' AND (r.claimed_by, r.claimant_id, r.claimed_at, r.claimed_until) IS DISTINCT FROM
      ((s.told ->> 'credential')::bigint, (s.told ->> 'person')::bigint, (s.told ->> 'since')::timestamptz,
       (s.told ->> 'until')::timestamptz)
UNION ALL
SELECT format('order %%s is claimed by who bought it or is insured by it', r.order_id)
FROM review r JOIN orders o ON o.id = r.order_id
WHERE r.claimant_id = o.buyer_id OR r.claimant_id IN (SELECT p.insured_id FROM policy p WHERE p.order_id = r.order_id)
UNION ALL
SELECT format('order %%s is claimed by who approved it first', r.order_id)
FROM review r JOIN review_vote v ON v.order_id = r.order_id WHERE v.credential = r.claimed_by OR v.person_id = r.claimant_id
UNION ALL
SELECT format('vote %%s on order %%s was cast while credential %%s had it until %%s', v.number, v.order_id, s.before ->> 'credential',
              s.before ->> 'until')
FROM step s JOIN review_vote v ON v.request_id = s.request_id
WHERE (s.before ->> 'until')::timestamptz > v.at AND (s.before ->> 'credential')::bigint <> v.credential
  AND (s.before ->> 'person')::bigint IS DISTINCT FROM COALESCE(v.person_id, -1);

-- :name entries
-- f. Who entered an order for its buyer had a mandate or was registered kin at that time; a clerk says at which counter, on what.
SELECT format('order %%s was entered by person %%s, whom nobody had let', o.id, e.person_id)
FROM order_entry e JOIN orders o ON o.id = e.order_id
CROSS JOIN LATERAL (SELECT (o.at AT TIME ZONE 'Asia/Shanghai')::date AS day) AS d
WHERE e.channel = 'agent' AND CASE WHEN e.mandate_id IS NOT NULL THEN NOT EXISTS (
    SELECT FROM mandate m WHERE m.id = e.mandate_id AND m.principal_id = o.buyer_id AND m.agent_id = e.person_id AND 'order' = ANY(m.may)
       AND (o.pay_with <> 'account' OR 'pay' = ANY(m.may)) AND m.at <= o.at AND d.day BETWEEN m.valid_from AND m.valid_to
       AND (m.revoked_at IS NULL OR m.revoked_at >= o.at))
ELSE o.pay_with = 'account' OR NOT EXISTS (
    SELECT FROM kinship k WHERE k.person_id = o.buyer_id AND k.relative_id = e.person_id AND k.relation = e.relation
       AND d.day BETWEEN k.valid_from AND COALESCE(k.valid_to, 'infinity') AND k.known_from <= o.at
       AND (k.known_to IS NULL OR k.known_to >= o.at)) END
UNION ALL
SELECT format('order %%s was entered by credential %%s, its entry says %%s', o.id, o.credential, e.credential)
FROM order_entry e LEFT JOIN orders o ON o.id = e.order_id WHERE o.credential IS DISTINCT FROM e.credential
UNION ALL
SELECT format('order %%s was entered by credential %%s of another person or of staff, and nobody says how', o.id, o.credential)
FROM orders o JOIN unnest(%(credentials)s::bigint[], %(people)s::bigint[]) AS c (id, person) ON c.id = o.credential
WHERE c.person IS DISTINCT FROM o.buyer_id AND o.pay_with <> 'sponsor'
  AND NOT EXISTS (SELECT FROM order_entry e WHERE e.order_id = o.id);

-- :name mandates
-- f. A mandate is what its event says.
SELECT format('mandate %%s is not what its event says', m.id) FROM mandate m LEFT JOIN event e ON e.request_id = m.id
CROSS JOIN LATERAL (SELECT convert_from(e.answer, 'UTF8')::jsonb AS told) AS t
WHERE e.seq IS NULL OR e.kind <> 'mandate' OR e.outcome <> 'done' OR e.credential <> m.credential
   OR (m.principal_id, m.agent_id, m.valid_from, m.valid_to, to_jsonb(m.may)) IS DISTINCT FROM
      ((told ->> 'principal')::bigint, (told ->> 'agent')::bigint, (told ->> 'valid_from')::date, (told ->> 'valid_to')::date,
       told -> 'may')
UNION ALL
SELECT format('mandate %%s is %%s, of %%s events that revoke it', m.id,
              CASE WHEN m.revoked_at IS NULL THEN 'not revoked' ELSE 'revoked' END, count(e.seq))
FROM mandate m LEFT JOIN event e ON e.kind = 'mandate-revoked' AND e.outcome = 'done'
  AND (convert_from(e.answer, 'UTF8')::jsonb ->> 'mandate')::bigint = m.id
GROUP BY m.id HAVING count(e.seq) <> (m.revoked_at IS NOT NULL)::int;

-- :name credentials
-- Who entered orders: the credentials of this programme with the person they are for, none for staff.
SELECT id, CASE WHEN role = 'member' THEN person_id END FROM public.credential
WHERE programme = %(programme)s AND role IN ('member', 'agency');
