-- The institutions in one table, by jumping from one to the next in the primary key.
WITH RECURSIVE tenant AS (
    (SELECT root_account_uuid FROM {table} ORDER BY root_account_uuid LIMIT 1)
    UNION ALL
    SELECT (SELECT next.root_account_uuid
              FROM {table} AS next
             WHERE next.root_account_uuid > tenant.root_account_uuid
             ORDER BY next.root_account_uuid LIMIT 1)
      FROM tenant
     WHERE tenant.root_account_uuid IS NOT NULL
)
SELECT root_account_uuid FROM tenant WHERE root_account_uuid IS NOT NULL
