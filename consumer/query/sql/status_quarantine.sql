-- What waits in quarantine, by reason. Nobody counts a million records: they are tallied.
SELECT tally.reason, tally.records, oldest.recorded_at AS since
  FROM (SELECT reason, sum(records)::bigint AS records
          FROM quarantine_tally
         GROUP BY reason
        HAVING sum(records) > 0) AS tally
  LEFT JOIN LATERAL (SELECT recorded_at
                       FROM quarantine
                      WHERE state = 'open' AND reason = tally.reason
                      ORDER BY id
                      LIMIT 1) AS oldest ON true
 ORDER BY tally.records DESC, tally.reason
