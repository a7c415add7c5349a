-- How many rosters a SIS import may have changed without events, and since when.
SELECT root_account_uuid, count(*) AS courses, min(since) AS since
  FROM roster_due
 GROUP BY root_account_uuid
 ORDER BY root_account_uuid
