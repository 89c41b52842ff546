-- :name mirrors
-- b. Accounts that another system keeps are bounded there: ours say what went through us, and no more came back than was taken.
SELECT format('account %%s (%%s of person %%s) is %%s, the scheme says that it is kept %%s', id, kind, owner_id,
              CASE WHEN overdraft THEN 'kept elsewhere' ELSE 'kept here' END, CASE WHEN %(elsewhere)s THEN 'elsewhere' ELSE 'here' END)
FROM account WHERE owner_id IS NOT NULL AND overdraft <> %(elsewhere)s
UNION ALL
SELECT format('account %%s (%%s of person %%s), kept elsewhere, got %%s fen back of %%s taken', id, kind, owner_id, credit_fen, debit_fen)
FROM account WHERE owner_id IS NOT NULL AND overdraft AND credit_fen > debit_fen;

-- :name taken
-- f. What our books took from an account that another system keeps, that system took, and nothing else.
WITH ours AS (
    SELECT t.order_id, sum(t.fen) FILTER (WHERE a.kind = 'personal') AS personal, sum(t.fen) FILTER (WHERE a.kind = 'savings') AS savings
    FROM transfer t JOIN account a ON a.id = t.debit_id AND a.overdraft WHERE t.kind = 'premium-account' GROUP BY t.order_id),
theirs AS (
    SELECT order_id, sum(personal_fen) AS personal, sum(savings_fen) AS savings FROM account_posting
    WHERE kind = 'confirm' AND state = 'yes' GROUP BY order_id)
SELECT format('order %%s took %%s and %%s fen from personal and savings account, the agency was told to take %%s and %%s',
              COALESCE(o.order_id, t.order_id), COALESCE(o.personal, 0), COALESCE(o.savings, 0), COALESCE(t.personal, 0),
              COALESCE(t.savings, 0))
FROM ours o FULL JOIN theirs t ON t.order_id = o.order_id
WHERE (COALESCE(o.personal, 0), COALESCE(o.savings, 0)) IS DISTINCT FROM (COALESCE(t.personal, 0), COALESCE(t.savings, 0));

-- :name set_aside
-- f. What our books hold on such an account, the agency was asked to set aside, in the same parts.
WITH ours AS (
    SELECT h.order_id, h.try, sum(h.fen) FILTER (WHERE a.kind = 'personal') AS personal,
           sum(h.fen) FILTER (WHERE a.kind = 'savings') AS savings
    FROM hold h JOIN account a ON a.id = h.account_id AND a.overdraft GROUP BY h.order_id, h.try),
theirs AS (SELECT order_id, try, personal_fen AS personal, savings_fen AS savings FROM account_posting WHERE kind = 'freeze')
SELECT format('order %%s, try %%s: %%s and %%s fen are held on personal and savings account, the agency was asked for %%s and %%s',
              COALESCE(o.order_id, t.order_id), COALESCE(o.try, t.try), COALESCE(o.personal, 0), COALESCE(o.savings, 0),
              COALESCE(t.personal, 0), COALESCE(t.savings, 0))
FROM ours o FULL JOIN theirs t ON t.order_id = o.order_id AND t.try = o.try
WHERE (COALESCE(o.personal, 0), COALESCE(o.savings, 0)) IS DISTINCT FROM (COALESCE(t.personal, 0), COALESCE(t.savings, 0))
UNION ALL
SELECT format('order %%s, try %%s: its %%s is over %%s and %%s fen, %%s and %%s were asked for', p.order_id, p.try, p.kind, p.personal_fen,
              p.savings_fen, f.personal_fen, f.savings_fen)
FROM account_posting p LEFT JOIN account_posting f ON f.order_id = p.order_id AND f.try = p.try AND f.kind = 'freeze'
WHERE p.kind IN ('confirm', 'cancel') AND (p.personal_fen, p.savings_fen) IS DISTINCT FROM (f.personal_fen, f.savings_fen);

-- :name stands
-- h. Each order is where its money is: no cover before it was taken, nothing set aside for a void one, nobody waits for ever.
WITH last AS (
    SELECT o.id, o.state, o.deadline, f.state AS frozen, c.state AS taken, x.state AS released,
           EXISTS (SELECT FROM account_posting w WHERE w.order_id = o.id AND w.kind <> 'credit' AND w.state IN ('wanted', 'sent')) AS asked
    FROM orders o
    LEFT JOIN LATERAL (
        SELECT try, state FROM account_posting f WHERE f.order_id = o.id AND f.kind = 'freeze' ORDER BY try DESC LIMIT 1) AS f ON true
    LEFT JOIN account_posting c ON c.order_id = o.id AND c.kind = 'confirm' AND c.try = f.try
    LEFT JOIN account_posting x ON x.order_id = o.id AND x.kind = 'cancel' AND x.try = f.try
    WHERE f.try IS NOT NULL OR o.state = 'awaiting-account')
SELECT format('order %%s is %%s, its money elsewhere: set aside %%s, taken %%s, let go %%s', id, state, COALESCE(frozen, 'never'),
              COALESCE(taken, 'never'), COALESCE(released, 'never'))
FROM last WHERE (CASE state
    WHEN 'completed' THEN frozen = 'yes' AND taken = 'yes' AND released IS NULL OR frozen = 'no' AND taken IS NULL
    WHEN 'void' THEN taken IS DISTINCT FROM 'yes' AND NOT asked AND (frozen IS DISTINCT FROM 'yes' OR released = 'yes' OR taken = 'no')
    WHEN 'awaiting-account' THEN asked OR frozen IS DISTINCT FROM 'yes'
    ELSE frozen = 'yes' AND taken IS NULL AND released IS NULL OR frozen = 'no' AND released IS NULL END) IS NOT TRUE
UNION ALL
SELECT format('order %%s waits for its accounts since %%s with nothing asked', id, deadline) FROM last
WHERE state = 'awaiting-account' AND NOT asked AND (deadline IS NULL OR deadline < %(overdue)s)
UNION ALL
SELECT format('posting %%s, a %%s, belongs to no order', p.id, p.kind) FROM account_posting p
WHERE NOT EXISTS (SELECT FROM orders o WHERE o.id = p.order_id AND o.buyer_id = p.person_id);

-- :name credits
-- f. A refund that reached such an account is credited by the agency, to the fen, once; what it declines has left the account again.
SELECT format('refund %%s of %%s fen reached account %%s, kept elsewhere, at %%s: %%s', t.refund_id, t.fen, t.credit_id, t.at,
              CASE WHEN p.id IS NULL THEN 'the agency was never asked'
                   ELSE format('the agency was asked for %%s', p.personal_fen + p.savings_fen) END)
FROM transfer t JOIN account a ON a.id = t.credit_id AND a.owner_id IS NOT NULL AND a.overdraft
LEFT JOIN account_posting p ON p.transfer_id = t.id AND p.kind = 'credit'
WHERE t.at < %(overdue)s AND (
    p.id IS NULL OR p.person_id <> a.owner_id
    OR (p.personal_fen, p.savings_fen) <> CASE a.kind WHEN 'personal' THEN (t.fen, 0::bigint) ELSE (0::bigint, t.fen) END)
UNION ALL
SELECT format('posting %%s, a credit of refund %%s, is %%s, and %%s fen left the account again', p.id, t.refund_id, p.state,
              COALESCE(b.fen, 0))
FROM account_posting p JOIN transfer t ON t.id = p.transfer_id
LEFT JOIN transfer b ON b.refund_id = t.refund_id AND b.kind IN ('reversal-declined', 'refund-declined')
WHERE p.kind = 'credit' AND (b.debit_id, b.credit_id, b.fen)
      IS DISTINCT FROM (CASE WHEN p.state = 'no' THEN t.credit_id END, CASE WHEN p.state = 'no' THEN t.debit_id END,
                        CASE WHEN p.state = 'no' THEN t.fen END)
UNION ALL
SELECT format('refund %%s left account %%s again, which never declined it', b.refund_id, b.debit_id) FROM transfer b
WHERE b.kind IN ('reversal-declined', 'refund-declined') AND NOT EXISTS (
    SELECT FROM account_posting p JOIN transfer t ON t.id = p.transfer_id AND t.refund_id = b.refund_id WHERE p.state = 'no')
UNION ALL
SELECT format('posting %%s credits transfer %%s, which is no refund', p.id, p.transfer_id) FROM account_posting p
WHERE p.kind = 'credit' AND NOT EXISTS (SELECT FROM transfer t WHERE t.id = p.transfer_id AND t.refund_id IS NOT NULL);

-- :name frozen
-- What was set aside elsewhere, with what was free then: for the scheme's rules.
SELECT p.order_id, p.at, p.personal_fen, p.savings_fen, p.personal_free_fen, p.savings_free_fen FROM account_posting p
WHERE p.kind = 'freeze' AND p.state = 'yes' ORDER BY p.id;
