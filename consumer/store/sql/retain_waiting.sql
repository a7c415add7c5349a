-- Who waits for what is folded holds the table that has to be changed now: the statement is cancelled, and its batch comes again.
SELECT count(pg_cancel_backend(pid))
  FROM pg_stat_activity
 WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))
