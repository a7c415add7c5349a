-- Tenants whose summaries are not up to date, in the order of their names. Goes in the index of results from one tenant to the next.
WITH RECURSIVE tenant (name) AS (
    SELECT min(root_account_uuid) FROM learning_outcome_result
     UNION ALL
    SELECT (SELECT min(root_account_uuid) FROM learning_outcome_result WHERE root_account_uuid > tenant.name)
      FROM tenant
     WHERE tenant.name IS NOT NULL
)
SELECT tenant.name
  FROM tenant
 WHERE tenant.name IS NOT NULL
   AND (EXISTS (SELECT FROM outcomes_internal.summary_mark AS m WHERE m.root_account_uuid = tenant.name)
        OR EXISTS (SELECT FROM outcomes_internal.summary_course AS c WHERE c.root_account_uuid = tenant.name AND NOT c.computed)
        OR NOT EXISTS (SELECT FROM outcomes_internal.summary_tenant AS t
                        WHERE t.root_account_uuid = tenant.name AND t.code = (SELECT outcomes_internal.summary_code())))
