-- Sets a setting of an institution.
INSERT INTO tenant_setting (root_account_uuid, name, value, updated_at)
VALUES ($1, $2, $3, clock_timestamp())
    ON CONFLICT (root_account_uuid, name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at
