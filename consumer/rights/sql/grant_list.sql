-- All rights, also ($1) revoked ones.
SELECT * FROM access_grant WHERE $1::boolean OR revoked_at IS NULL ORDER BY id
