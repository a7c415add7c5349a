-- Open records in quarantine that are not tallied, or tallied and not there.
WITH counted AS (
    SELECT reason, count(*) AS records
      FROM quarantine
     WHERE state = 'open'
     GROUP BY reason
),
tallied AS (
    SELECT reason, sum(records) AS records
      FROM quarantine_tally
     GROUP BY reason
)
SELECT format('%s: %s open in quarantine, %s tallied', reason, coalesce(counted.records, 0), coalesce(tallied.records, 0)) AS sentence
  FROM counted
  FULL JOIN tallied USING (reason)
 WHERE coalesce(counted.records, 0) <> coalesce(tallied.records, 0)
