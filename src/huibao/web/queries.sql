-- :name credentials
-- Who may speak with these tokens, by their digests; expired and revoked ones too, so that both are known as such.
SELECT digest, id, role, programme, person_id, insurer, provider, area, scopes, label, expires_at, revoked_at
FROM credential WHERE digest = ANY(%(digests)s::bytea[]);

-- :name labels
-- How credentials are called.
SELECT id, label FROM credential WHERE id = ANY(%(ids)s::bigint[]);

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

-- :name insurer_names
-- What insurers are called.
SELECT id, name FROM public.insurer WHERE id = ANY(%(insurers)s::text[]);

-- :name order
-- An order with its buyer's area, as it stands, and what was answered when it was made.
SELECT o.at, o.buyer_id, p.area, o.state, o.cash_fen, o.deadline, e.answer
FROM orders o JOIN person p ON p.id = o.buyer_id JOIN event e ON e.request_id = o.id
WHERE o.id = %(order)s;

-- :name order_agent
-- Who entered an order for its buyer, as long as they may act for the buyer.
SELECT n.person_id FROM order_entry n JOIN orders o ON o.id = n.order_id
WHERE n.order_id = %(order)s AND n.channel = 'agent' AND (
    EXISTS (SELECT FROM mandate m WHERE m.id = n.mandate_id AND m.revoked_at IS NULL AND m.valid_to >= %(on)s)
    OR EXISTS (SELECT FROM kinship k WHERE k.person_id = o.buyer_id AND k.relative_id = n.person_id AND k.relation = n.relation
               AND n.mandate_id IS NULL AND k.known_to IS NULL AND (k.valid_to IS NULL OR k.valid_to >= %(on)s)));

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
    SELECT id FROM orders WHERE buyer_id = %(person)s AND state IN ('awaiting-account', 'awaiting-payment', 'awaiting-review'))
AND NOT EXISTS (SELECT FROM hold_end e WHERE e.hold_id = h.id)
ORDER BY h.id;

-- :name health
-- Where a programme's chain ends and which migration it has: figures about nobody.
SELECT (SELECT number FROM chain_head), (SELECT seq FROM chain_head),
       (SELECT max(number) FROM migration WHERE phase = 'before');

-- :name person_area_by_number
-- The pooling area of who has this number, or whose settlement is to be taken back.
SELECT area FROM person WHERE psn_no = %(psn_no)s OR id = (SELECT person_id FROM settlement WHERE setl_id = %(reverses)s);

-- :name evidence
-- What was sealed with a request, and the key that opens it.
SELECT e.request_id, e.person_id, e.sealed, k.wrapped FROM event e LEFT JOIN person_key k ON k.person_id = e.person_id
WHERE e.request_id = %(request)s;

-- :name settlement
-- A settlement as it stands, whose it is, and which message took it back.
SELECT s.id, s.setl_id, s.person_id, p.area, s.hospital, s.at, s.settled_on, s.state, s.payee, s.person_fen, s.pay_fen, s.deadline,
       s.adjust_at, (SELECT r.setl_id FROM reversal r WHERE r.settlement_id = s.id)
FROM settlement s JOIN person p ON p.id = s.person_id WHERE s.id = %(settlement)s;

-- :name payments_of
-- What policies pay of a settlement now.
SELECT y.order_id, y.position, y.product, d.lead, y.pay_fen, y.posted_fen, y.target_fen
FROM payment y JOIN product d ON d.id = y.product WHERE y.settlement_id = %(settlement)s ORDER BY y.order_id, y.position;

-- :name payouts_of
-- What goes to the insured's own account for a settlement.
SELECT id, fen, state, due_on, product FROM payout WHERE settlement_id = %(settlement)s ORDER BY id;

-- :name settlements_of
-- A person's settlements, newest first.
SELECT s.id, s.setl_id, s.settled_on, COALESCE(h.name, s.hospital), s.state, s.payee, s.pay_fen
FROM settlement s LEFT JOIN hospital h ON h.id = s.hospital
WHERE s.person_id = %(person)s ORDER BY s.id DESC LIMIT %(most)s;

-- :name notices_of
-- What a person was told, newest first.
SELECT at, settlement_id, order_id, zh, en FROM notice WHERE person_id = %(person)s ORDER BY id DESC LIMIT %(most)s;

-- :name cases
-- What waits for a person to look into, the oldest first; an insurer's are those of products it leads, a hospital's its own, an
-- area's those of its people and hospitals. That somebody's account is frozen or closed is no insurer's to know.
SELECT c.id, c.at, c.kind, c.cause, c.settlement_id, c.setl_id, c.order_id, c.position, c.hospital, c.on_day, c.fen, c.due_on, c.payout_id
FROM open_case c
WHERE c.closed_at IS NULL AND c.id > %(after)s
  AND (%(hospital)s = '' OR c.hospital = %(hospital)s)
  AND (%(area)s = '' OR COALESCE((SELECT p.area FROM settlement s JOIN person p ON p.id = s.person_id WHERE s.id = c.settlement_id),
                                 (SELECT h.area FROM hospital h WHERE h.id = c.hospital),
                                 (SELECT p.area FROM orders o JOIN person p ON p.id = o.buyer_id WHERE o.id = c.order_id)) = %(area)s)
  AND (%(insurer)s = '' OR c.kind <> 'review' AND c.cause NOT IN ('account.frozen', 'account.closed'))
  AND (%(insurer)s = '' OR EXISTS (
      SELECT FROM product d WHERE d.lead = %(insurer)s AND d.id IN (
          SELECT c.product
          UNION SELECT p.product FROM policy p WHERE p.order_id = c.order_id AND p.position = c.position
          UNION SELECT y.product FROM payment y WHERE y.settlement_id = c.settlement_id AND c.order_id IS NULL)))
ORDER BY c.id LIMIT %(most)s;

-- :name agreement
-- Whether a person agreed to be paid without an application.
SELECT given_at FROM agreement WHERE person_id = %(person)s AND kind = 'pay-without-application' AND ended_at IS NULL;

-- :name names
-- The sealed names of people, with the keys that open them.
SELECT p.id, p.name_sealed, k.wrapped FROM person p LEFT JOIN person_key k ON k.person_id = p.id
WHERE p.id = ANY(%(people)s::bigint[]);
