-- What a person of a tenant ($1) may see whom a proxy has told, by login ($2), SIS id ($3) or uuid ($4).
SELECT $1::text AS root_account_uuid, CASE WHEN $2::text IS NOT NULL THEN 'login' WHEN $3::text IS NOT NULL THEN 'sis' ELSE 'uuid' END AS kind,
       coalesce($2, $3, $4::text) AS who, granted.*
  FROM outcomes_internal.person_rights($1, $2, $3, $4) AS granted
