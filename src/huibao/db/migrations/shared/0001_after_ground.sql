-- Why: the first pair leaves nothing behind to clear: there is no older code.
SELECT 1;
