-- The first and the newest event of a tenant in one table, by the index of events of web requests.
SELECT (SELECT event_time FROM {table}_version
         WHERE root_account_uuid = $1 AND metadata ? 'root_account_id' ORDER BY event_time LIMIT 1) AS first,
       (SELECT event_time FROM {table}_version
         WHERE root_account_uuid = $1 AND metadata ? 'root_account_id' ORDER BY event_time DESC LIMIT 1) AS newest
