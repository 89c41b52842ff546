-- :name credentials
-- Who may speak with these tokens, by their digests; expired and revoked ones too, so that both are known as such.
SELECT digest, id, role, programme, person_id, insurer, provider, area, scopes, label, expires_at, revoked_at
FROM credential WHERE digest = ANY(%(digests)s::bytea[]);

-- :name insert_credential
-- A new credential; its token is shown once and kept as a digest.
INSERT INTO credential (digest, role, label, programme, person_id, insurer, provider, area, scopes, issued_at, expires_at)
VALUES (%(digest)s, %(role)s, %(label)s, %(programme)s, %(person_id)s, %(insurer)s, %(provider)s, %(area)s, %(scopes)s::text[],
        %(at)s, %(expires_at)s)
RETURNING id;

-- :name revoke_credential
-- Ends a credential of a programme from `at` on; one that is revoked already keeps its date.
UPDATE credential SET revoked_at = COALESCE(revoked_at, %(at)s)
WHERE id = %(id)s AND programme = %(programme)s
RETURNING revoked_at;

-- :name person_area
-- The pooling area that a person belongs to.
SELECT area FROM person WHERE id = %(person)s;

-- :name order
-- An order with its buyer's area, as it stands, and what was answered when it was made.
SELECT o.at, o.buyer_id, p.area, o.state, o.cash_fen, o.deadline, e.answer
FROM orders o JOIN person p ON p.id = o.buyer_id JOIN event e ON e.request_id = o.id
WHERE o.id = %(order)s;

-- :name movements
-- What moved on a person's accounts or in a person's cash, newest first.
SELECT t.at, t.kind, t.fen, d.kind, c.kind, t.order_id
FROM transfer t JOIN account d ON d.id = t.debit_id JOIN account c ON c.id = t.credit_id
WHERE t.person_id = %(person)s ORDER BY t.id DESC LIMIT %(most)s;

-- :name pending_holds
-- What is set aside on a person's accounts.
SELECT h.at, a.kind, h.fen, h.order_id, h.position
FROM hold h JOIN account a ON a.id = h.account_id
WHERE a.owner_id = %(person)s AND h.order_id IN (
    SELECT id FROM orders WHERE buyer_id = %(person)s AND state IN ('awaiting-payment', 'awaiting-review'))
AND NOT EXISTS (SELECT FROM hold_end e WHERE e.hold_id = h.id)
ORDER BY h.id;

-- :name health
-- Where a programme's chain ends and which migration it has: figures about nobody.
SELECT (SELECT number FROM chain_head), (SELECT seq FROM chain_head),
       (SELECT max(number) FROM migration WHERE phase = 'before');
