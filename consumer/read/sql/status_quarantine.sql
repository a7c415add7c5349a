-- What waits in quarantine, by reason.
SELECT reason, count(*) AS records, min(recorded_at) AS since
  FROM quarantine
 WHERE state = 'open'
 GROUP BY reason
 ORDER BY records DESC, reason
