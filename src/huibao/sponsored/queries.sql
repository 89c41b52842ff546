-- :name open_sponsor_accounts
-- Accounts of sponsors that are registered now; one that a neighbour opens meanwhile is waited for, one that was there stays.
INSERT INTO account (kind, party, overdraft) SELECT 'sponsor', u.party, false FROM unnest(%(names)s::text[]) AS u (party)
ORDER BY u.party ON CONFLICT DO NOTHING;

-- :name lock_accounts
-- Accounts of the sponsors of commands, by name, by number and by roster, in order of id: with each, all that its sponsor decides on.
SELECT a.id, a.owner_id, a.kind, a.product, a.party, a.overdraft, a.state, a.credit_fen - a.debit_fen, a.held_fen, a.credit_limit_fen
FROM account a
WHERE a.kind = 'sponsor' AND a.party IN (
    SELECT unnest(%(names)s::text[])
    UNION SELECT name FROM sponsor WHERE id = ANY(%(sponsors)s::bigint[])
    UNION SELECT s.name FROM sponsor s JOIN roster r ON r.sponsor_id = s.id WHERE r.id = ANY(%(rosters)s::bigint[]))
ORDER BY a.id FOR NO KEY UPDATE;

-- :name lock_rosters
-- Rosters of commands, in order.
SELECT id FROM roster WHERE id = ANY(%(rosters)s::bigint[]) ORDER BY id FOR NO KEY UPDATE;

-- :name sponsors
-- Sponsors that commands speak of.
SELECT id, name, kind FROM sponsor
WHERE name = ANY(%(names)s::text[]) OR id = ANY(%(sponsors)s::bigint[])
   OR id IN (SELECT sponsor_id FROM roster WHERE id = ANY(%(rosters)s::bigint[]));

-- :name rosters
-- Rosters that commands speak of, with how many parts are left of what comes next.
SELECT r.id, r.sponsor_id, r.product, r.digest, r.lines, r.state, r.credential, r.confirmed_by, r.report,
       (SELECT count(*) FROM roster_part p
        WHERE p.roster_id = r.id AND p.state = ANY(CASE r.state WHEN 'checking' THEN '{new}' ELSE '{new,checked}' END::text[])), r.why
FROM roster r WHERE r.id = ANY(%(rosters)s::bigint[]);

-- :name received
-- Rosters of these files that were not cancelled.
SELECT r.sponsor_id, r.product, r.digest, r.id
FROM unnest(%(sponsors)s::bigint[], %(products)s::text[], %(digests)s::bytea[]) AS u (sponsor, product, digest)
JOIN roster r ON r.sponsor_id = u.sponsor AND r.product = u.product AND r.digest = u.digest
WHERE r.state <> 'cancelled';

-- :name paid
-- Payments under these references that are booked.
SELECT p.sponsor_id, p.reference FROM unnest(%(sponsors)s::bigint[], %(references)s::text[]) AS u (sponsor, reference)
JOIN sponsor_payment p ON p.sponsor_id = u.sponsor AND p.reference = u.reference;

-- :name insert_sponsors
-- Sponsors that were registered.
INSERT INTO sponsor (id, name, kind, at, credential)
SELECT u.id, u.name, u.kind, %(at)s, u.credential
FROM unnest(%(ids)s::bigint[], %(names)s::text[], %(kinds)s::text[], %(credentials)s::bigint[]) AS u (id, name, kind, credential);

-- :name set_credit
-- How far sponsors may spend ahead of their money.
UPDATE account a SET credit_limit_fen = u.fen FROM unnest(%(names)s::text[], %(fen)s::bigint[]) AS u (name, fen)
WHERE a.kind = 'sponsor' AND a.party = u.name;

-- :name insert_payments
-- Payments of sponsors.
INSERT INTO sponsor_payment (sponsor_id, reference, fen, at)
SELECT u.sponsor, u.reference, u.fen, %(at)s
FROM unnest(%(sponsors)s::bigint[], %(references)s::text[], %(fen)s::bigint[]) AS u (sponsor, reference, fen);

-- :name insert_rosters
-- Files that were received.
INSERT INTO roster (id, request_id, at, sponsor_id, product, digest, lines, state, credential)
SELECT u.id, u.request, %(at)s, u.sponsor, u.product, u.digest, u.lines, 'checking', u.credential
FROM unnest(%(ids)s::bigint[], %(requests)s::bigint[], %(sponsors)s::bigint[], %(products)s::text[], %(digests)s::bytea[],
            %(lines)s::integer[], %(credentials)s::bigint[]) AS u (id, request, sponsor, product, digest, lines, credential);

-- :name insert_parts
-- A file's parts, of so many lines each; its header is line 1.
INSERT INTO roster_part (roster_id, number, first_line, last_line, state)
SELECT %(roster)s, n, 2 + n * %(part)s, 1 + (n + 1) * %(part)s, 'new'
FROM generate_series(0, (%(last_line)s - 2) / %(part)s) AS n;

-- :name move_rosters
-- Rosters that went on.
UPDATE roster r SET state = u.state, report = u.report::jsonb, confirmed_by = u.confirmed_by, why = u.why,
                    confirmed_at = CASE WHEN u.confirmed_by IS NOT NULL THEN COALESCE(r.confirmed_at, %(at)s) END,
                    ended_at = CASE WHEN u.state IN ('cancelled', 'done') THEN %(at)s END
FROM unnest(%(ids)s::bigint[], %(states)s::text[], %(reports)s::text[], %(confirmed)s::bigint[], %(why)s::text[])
     AS u (id, state, report, confirmed_by, why)
WHERE r.id = u.id;

-- ── uploads ──

-- :name next_upload
-- A number for the lines of an upload.
INSERT INTO roster_upload (id, at) VALUES (nextval('roster_id'), %(at)s) RETURNING id;

-- :name people_by_identity
-- Who has these identity numbers, by index; nobody whose key was erased.
SELECT p.identity_index, p.id, p.born, p.name_index, p.area FROM person p
WHERE p.identity_index = ANY(%(indexes)s::bytea[]) AND EXISTS (SELECT FROM person_key k WHERE k.person_id = p.id);

-- :name people_by_number
-- Who has these numbers of the basic insurance; nobody whose key was erased.
SELECT p.psn_no, p.id, p.born, p.name_index, p.area FROM person p
WHERE p.psn_no = ANY(%(numbers)s::text[]) AND EXISTS (SELECT FROM person_key k WHERE k.person_id = p.id);

-- :name insert_lines
-- Lines of an upload, each with its person or with why it has none.
INSERT INTO roster_line (roster_id, line, person_id, category, tier, refused, clause, zh, en)
SELECT %(roster)s, u.line, u.person, u.category, u.tier, u.code, u.clause, u.zh, u.en
FROM unnest(%(lines)s::integer[], %(people)s::bigint[], %(categories)s::text[], %(tiers)s::text[], %(codes)s::text[],
            %(clauses)s::text[], %(zh)s::text[], %(en)s::text[]) AS u (line, person, category, tier, code, clause, zh, en);

-- :name abandoned_uploads
-- Uploads that became no roster, since before a day ago.
SELECT u.id FROM roster_upload u
WHERE u.at < %(before)s AND NOT EXISTS (SELECT FROM roster r WHERE r.id = u.id) ORDER BY u.id LIMIT %(most)s;

-- :name clear_lines
-- Some lines of an upload that became no roster.
DELETE FROM roster_line WHERE roster_id = %(upload)s AND line IN (
    SELECT line FROM roster_line WHERE roster_id = %(upload)s ORDER BY line LIMIT %(most)s)
AND NOT EXISTS (SELECT FROM roster r WHERE r.id = %(upload)s);

-- :name clear_upload
-- An upload without lines that became no roster.
DELETE FROM roster_upload u WHERE u.id = %(upload)s AND NOT EXISTS (SELECT FROM roster r WHERE r.id = u.id)
AND NOT EXISTS (SELECT FROM roster_line l WHERE l.roster_id = u.id);

-- ── checking and running ──

-- :name any_open
-- Whether there is a roster to check or to run.
SELECT EXISTS (SELECT FROM roster WHERE state IN ('checking', 'running'));

-- :name next_unchecked
-- A part that waits for its check and that nobody else is at, of the rosters after this one.
SELECT p.roster_id, p.number, p.first_line, p.last_line, r.product, s.name
FROM roster_part p JOIN roster r ON r.id = p.roster_id JOIN sponsor s ON s.id = r.sponsor_id
WHERE r.state = 'checking' AND p.state = 'new' AND p.roster_id > %(after)s
ORDER BY p.roster_id, p.number LIMIT 1 FOR UPDATE OF p SKIP LOCKED;

-- :name next_checked
-- A part that waits for its run and that nobody else is at, with who confirmed it.
SELECT p.roster_id, p.number, p.first_line, p.last_line, r.product, s.name, r.confirmed_by
FROM roster_part p JOIN roster r ON r.id = p.roster_id JOIN sponsor s ON s.id = r.sponsor_id
WHERE r.state = 'running' AND p.state = 'checked'
ORDER BY p.roster_id, p.number LIMIT 1 FOR UPDATE OF p SKIP LOCKED;

-- :name share_running
-- A roster that is run: nobody stops it before this is over. Locked before people, who are locked before sponsors.
SELECT id FROM roster WHERE id = %(roster)s AND state = 'running' FOR SHARE;

-- :name lock_part
-- A part, by a number of its own, for its row is its runner's: one lane at a time spends what was set aside for it, and that of a runner
-- that was killed may still be at it.
SELECT pg_advisory_xact_lock(%(number)s);

-- :name left
-- What is left of what was set aside for a part. A later statement than its lock: it sees what was spent by whom that waited for.
SELECT p.premium_fen - COALESCE(sum(l.premium_fen), 0)::bigint
FROM roster_part p LEFT JOIN roster_line l ON l.roster_id = p.roster_id AND l.line BETWEEN p.first_line AND p.last_line
WHERE p.roster_id = %(roster)s AND p.number = %(part)s GROUP BY p.premium_fen;

-- :name open_lines
-- The lines of a part that nothing was decided about.
SELECT line, person_id, category, tier FROM roster_line
WHERE roster_id = %(roster)s AND line BETWEEN %(first)s AND %(last)s AND refused IS NULL AND order_id IS NULL ORDER BY line;

-- :name lines_twice
-- Lines of a part whose person stands in an earlier line of the same file.
SELECT l.line FROM roster_line l
WHERE l.roster_id = %(roster)s AND l.line BETWEEN %(first)s AND %(last)s AND l.person_id IS NOT NULL AND EXISTS (
    SELECT FROM roster_line e WHERE e.roster_id = l.roster_id AND e.person_id = l.person_id AND e.line < l.line);

-- :name lines_refused
-- Lines that are rejected, with why.
UPDATE roster_line l SET refused = u.code, clause = u.clause, zh = u.zh, en = u.en
FROM unnest(%(rosters)s::bigint[], %(lines)s::integer[], %(codes)s::text[], %(clauses)s::text[], %(zh)s::text[], %(en)s::text[])
     AS u (roster, line, code, clause, zh, en)
WHERE l.roster_id = u.roster AND l.line = u.line;

-- :name own_policies
-- Policies in force of these people, each of the product beside the name, that no sponsor paid for.
SELECT p.insured_id, p.product, p.order_id, p.position, o.offer_id, p.period_from
FROM policy p JOIN unnest(%(people)s::bigint[], %(products)s::text[]) AS u (person, product)
  ON p.insured_id = u.person AND p.product = u.product
JOIN orders o ON o.id = p.order_id
WHERE p.state = 'in-force' AND o.sponsor IS NULL;

-- :name lines_enrolled
-- Lines that became orders, and whose own policies gave way to these.
UPDATE roster_line l SET order_id = u.order_id, premium_fen = u.fen, replaces_order = u.replaced, replaces_position = u.position
FROM unnest(%(rosters)s::bigint[], %(lines)s::integer[], %(orders)s::bigint[], %(fen)s::bigint[], %(replaced)s::bigint[],
            %(positions)s::smallint[]) AS u (roster, line, order_id, fen, replaced, position)
WHERE l.roster_id = u.roster AND l.line = u.line;

-- :name part_checked
-- A part was checked: what it will cost.
UPDATE roster_part SET state = 'checked', accepted = %(accepted)s, premium_fen = %(fen)s, categories = %(categories)s::jsonb,
                       replaces = %(replaces)s, returned_fen = %(returned)s
WHERE roster_id = %(roster)s AND number = %(number)s;

-- :name part_done
-- A part was run, unless a line of it was left open: what it came to.
UPDATE roster_part p SET enrolled = found.enrolled, charged_fen = found.fen,
                         state = CASE WHEN found.still_open > 0 THEN p.state ELSE 'done' END
FROM (SELECT count(order_id) AS enrolled, COALESCE(sum(premium_fen), 0) AS fen,
             count(*) FILTER (WHERE refused IS NULL AND order_id IS NULL) AS still_open
      FROM roster_line WHERE roster_id = %(roster)s AND line BETWEEN %(first)s AND %(last)s) AS found
WHERE p.roster_id = %(roster)s AND p.number = %(number)s
RETURNING p.state;

-- :name checked_whole
-- Rosters whose every part is checked, and whose report is not made.
SELECT id FROM roster r WHERE state = 'checking'
AND NOT EXISTS (SELECT FROM roster_part p WHERE p.roster_id = r.id AND p.state = 'new') ORDER BY id;

-- :name run_whole
-- Rosters whose every part is run.
SELECT id FROM roster r WHERE state = 'running'
AND NOT EXISTS (SELECT FROM roster_part p WHERE p.roster_id = r.id AND p.state <> 'done') ORDER BY id;

-- :name categories
-- What the checks of parts expect, by hardship.
SELECT p.roster_id, c.key, sum((c.value ->> 0)::bigint)::bigint, sum((c.value ->> 1)::bigint)::bigint
FROM roster_part p CROSS JOIN LATERAL jsonb_each(p.categories) AS c WHERE p.roster_id = ANY(%(rosters)s::bigint[])
GROUP BY p.roster_id, c.key ORDER BY p.roster_id, c.key;

-- :name reasons
-- Why lines are rejected, each reason with how many and one of its sentences; the most frequent first.
SELECT roster_id, refused, count(*), min(zh), min(en) FROM roster_line
WHERE roster_id = ANY(%(rosters)s::bigint[]) AND refused IS NOT NULL GROUP BY roster_id, refused ORDER BY roster_id, count(*) DESC, refused;

-- :name replaced
-- How many own policies the checks of parts expect to give way, and what goes back of them.
SELECT roster_id, sum(replaces)::bigint, sum(returned_fen)::bigint FROM roster_part WHERE roster_id = ANY(%(rosters)s::bigint[])
GROUP BY roster_id;

-- :name held
-- What the lines of rosters came to.
SELECT roster_id, count(*), count(order_id), count(refused), COALESCE(sum(premium_fen), 0)::bigint FROM roster_line
WHERE roster_id = ANY(%(rosters)s::bigint[]) GROUP BY roster_id;

-- ── reading ──

-- :name sponsors_listed
-- Sponsors with their money, the oldest first.
SELECT s.id, s.name, s.kind, a.credit_fen - a.debit_fen, a.credit_limit_fen
FROM sponsor s JOIN account a ON a.kind = 'sponsor' AND a.party = s.name WHERE s.id > %(after)s ORDER BY s.id LIMIT %(most)s;

-- :name roster
-- A roster with its sponsor, its product's lead, and how far it is.
SELECT r.id, r.at, r.sponsor_id, s.name, s.kind, r.product, d.name, d.lead, r.digest, r.lines, r.state, r.report, r.why, r.credential,
       r.confirmed_by, r.confirmed_at, r.ended_at, p.parts, p.checked, p.done, p.enrolled, p.charged
FROM roster r JOIN sponsor s ON s.id = r.sponsor_id JOIN product d ON d.id = r.product
CROSS JOIN LATERAL (
    SELECT count(*) AS parts, count(*) FILTER (WHERE state <> 'new') AS checked, count(*) FILTER (WHERE state = 'done') AS done,
           COALESCE(sum(enrolled), 0)::bigint AS enrolled, COALESCE(sum(charged_fen), 0)::bigint AS charged
    FROM roster_part WHERE roster_id = r.id) AS p
WHERE r.id = %(roster)s;

-- :name rosters_of
-- Rosters, the newest first; an insurer's are those of products it leads.
SELECT r.id, r.at, r.sponsor_id, r.product, r.lines, r.state FROM roster r
WHERE %(insurer)s = '' OR EXISTS (SELECT FROM product d WHERE d.id = r.product AND d.lead = %(insurer)s)
ORDER BY r.id DESC LIMIT %(most)s;

-- :name rejected
-- Rejected lines of a roster in order, some at a time.
SELECT line, refused, clause, zh, en FROM roster_line
WHERE roster_id = %(roster)s AND refused IS NOT NULL AND line > %(after)s ORDER BY line LIMIT %(most)s;

-- :name charged
-- What a roster's policies cost, by the hardship that they were priced under.
SELECT COALESCE(p.facts ->> 'hardship', 'none'), count(*), sum(l.premium_fen)::bigint
FROM roster_line l JOIN policy p ON p.order_id = l.order_id AND p.position = 1
WHERE l.roster_id = %(roster)s GROUP BY 1 ORDER BY 1;

-- :name gave_way
-- How many policies that people had bought themselves gave way to a roster's, and their premium, all of which goes back.
SELECT count(*), COALESCE(sum(p.premium_fen), 0)::bigint
FROM roster_line l JOIN policy p ON p.order_id = l.replaces_order AND p.position = l.replaces_position
WHERE l.roster_id = %(roster)s;
