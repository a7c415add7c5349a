-- Cancels statements that wait for us: they hold locks that we need. Writers retry.
SELECT count(pg_cancel_backend(pid))
  FROM pg_stat_activity
 WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))
