-- :name people_of
-- The parties of these mandates.
SELECT principal_id FROM mandate WHERE id = ANY(%(mandates)s::bigint[])
UNION SELECT agent_id FROM mandate WHERE id = ANY(%(mandates)s::bigint[]);

-- :name mandates
-- These mandates, and all between these principals and agents. Their people are locked, and with them the mandates.
SELECT id, principal_id, agent_id, may, valid_from, valid_to, evidence, evidence_digest, credential, revoked_at, revoked_by
FROM mandate
WHERE id IN (
    SELECT unnest(%(mandates)s::bigint[])
    UNION SELECT m.id FROM unnest(%(principals)s::bigint[], %(agents)s::bigint[]) AS u (principal, agent)
          JOIN mandate m ON m.principal_id = u.principal AND m.agent_id = u.agent)
ORDER BY id;

-- :name insert_mandates
-- New mandates.
INSERT INTO mandate (id, at, principal_id, agent_id, may, valid_from, valid_to, evidence, evidence_digest, credential, revoked_at,
                     revoked_by)
SELECT u.id, %(at)s, u.principal, u.agent, string_to_array(u.may, ','), u.since, u.until, u.evidence, u.digest, u.credential,
       u.revoked_at, u.revoked_by
FROM unnest(%(ids)s::bigint[], %(principals)s::bigint[], %(agents)s::bigint[], %(may)s::text[], %(since)s::date[], %(until)s::date[],
            %(evidence)s::text[], %(digests)s::text[], %(credentials)s::bigint[], %(revoked_at)s::timestamptz[], %(revoked_by)s::bigint[])
     AS u (id, principal, agent, may, since, until, evidence, digest, credential, revoked_at, revoked_by);

-- :name revoke_mandates
-- Mandates that end.
UPDATE mandate m SET revoked_at = %(at)s, revoked_by = u.credential
FROM unnest(%(ids)s::bigint[], %(credentials)s::bigint[]) AS u (id, credential) WHERE m.id = u.id;

-- :name mandates_of
-- The mandates that a person gave or was given, newest first; with the area of the principal.
SELECT m.id, m.principal_id, m.agent_id, m.may, m.valid_from, m.valid_to, m.evidence, m.evidence_digest, m.credential, m.revoked_at,
       m.revoked_by
FROM mandate m
WHERE m.id IN (SELECT id FROM mandate WHERE principal_id = %(person)s UNION SELECT id FROM mandate WHERE agent_id = %(person)s)
ORDER BY m.id DESC LIMIT %(most)s;

-- :name principal
-- Whose mandate it is, and the area they belong to.
SELECT m.principal_id, m.agent_id, p.area FROM mandate m JOIN person p ON p.id = m.principal_id WHERE m.id = %(mandate)s;
