-- The sessions that hold an advisory lock of this database. Only its own user sees when a session began.
SELECT held.pid, activity.usename AS user, activity.application_name AS application, activity.backend_start AS since
  FROM pg_locks AS held
  LEFT JOIN pg_stat_activity AS activity ON activity.pid = held.pid
 WHERE held.locktype = 'advisory' AND held.granted
   AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
   AND (held.classid::bigint << 32 | held.objid::bigint) = $1::bigint AND held.objsubid = 1
