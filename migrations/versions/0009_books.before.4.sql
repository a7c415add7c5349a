-- What was open before anything was tallied. One statement sees one moment, so what is tallied meanwhile is not counted twice; done
-- again it finds nothing to add.
INSERT INTO outcomes.quarantine_tally AS known (reason, session, records)
SELECT reason, 0, sum(records)
  FROM (SELECT reason, count(*) AS records
          FROM outcomes.quarantine
         WHERE state = 'open'
         GROUP BY reason
         UNION ALL
        SELECT reason, -sum(records)
          FROM outcomes.quarantine_tally
         GROUP BY reason) AS missing
 GROUP BY reason
HAVING sum(records) <> 0
    ON CONFLICT (reason, session) DO UPDATE SET records = known.records + excluded.records
