-- What a tenant has decided about account-level scales, and whether Canvas computes with them now.
SELECT (SELECT s.value FROM tenant_setting AS s WHERE s.root_account_uuid = $1 AND s.name = 'account_level_mastery_scales') AS value,
       account_level_scales($1, NULL) AS account_level
