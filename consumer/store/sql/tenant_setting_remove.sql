-- An institution has not decided it any more.
DELETE FROM tenant_setting WHERE root_account_uuid = $1 AND name = $2
