-- :name server
-- Which cluster this is, on which timeline, whether it archives, and what time it has.
SELECT s.system_identifier::text, c.timeline_id, current_setting('archive_mode'), clock_timestamp()
FROM pg_control_system() s, pg_control_checkpoint() c;

-- :name switch
-- Ends the segment that is written now, so that it can be archived, and answers the last one that is finished: it, or where nothing
-- was written since the last switch, the one before it.
SELECT pg_walfile_name(pg_switch_wal() - 1);

-- :name now
-- What time the server has.
SELECT clock_timestamp();

-- :name schemas
-- The programmes of this database and their schemas; none before the first migration.
SELECT code, schema_name FROM public.programme ORDER BY code;

-- :name programmes_there
-- Whether there are programmes at all.
SELECT to_regclass('public.programme') IS NOT NULL;

-- :name look
-- Whose schema is looked at.
SELECT set_config('search_path', %(schema)s, true);

-- :name erased
-- People whose key is gone.
SELECT p.id FROM person p WHERE NOT EXISTS (SELECT FROM person_key k WHERE k.person_id = p.id) ORDER BY p.id;

-- :name erase
-- Takes the keys of these people away again.
DELETE FROM person_key WHERE person_id = ANY(%(people)s::bigint[]) RETURNING person_id;

-- :name forget
-- The server asks for archived segments no more, once it has recovered.
ALTER SYSTEM RESET restore_command;

-- :name forget_target
-- Nor stops anywhere.
ALTER SYSTEM RESET recovery_target_time;
