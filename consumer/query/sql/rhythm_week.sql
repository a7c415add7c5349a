-- How many versions of a table events of the last week have told, of all tenants.
SELECT count(*)
  FROM {table}_version
 WHERE root_account_uuid = ANY ($1::text[]) AND metadata ? 'root_account_id' AND event_time >= $2::timestamptz - interval '7 days'
