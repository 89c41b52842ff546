-- Why: the third pair leaves nothing behind to clear in a programme.
SELECT 1;
