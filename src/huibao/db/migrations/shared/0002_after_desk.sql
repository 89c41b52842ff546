-- Why: the second pair leaves nothing behind to clear in what is shared.
SELECT 1;
