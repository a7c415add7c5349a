-- Gives the statements that build, beside writing workers, the indexes by which a login or an SIS id finds its person at each sign-in.
-- One that was killed has left an index that is not valid, which goes first.
SELECT statement
  FROM (VALUES ('person_name_by_login', 'root_account_uuid, lower(login COLLATE "C")'),
               ('person_name_by_sis_id', 'root_account_uuid, sis_user_id')) wanted (name, columns)
  LEFT JOIN pg_index ON indexrelid = to_regclass('outcomes.' || name)
 CROSS JOIN LATERAL (
    VALUES (1, CASE WHEN NOT indisvalid THEN format('DROP INDEX CONCURRENTLY outcomes.%I', name) END),
           (2, CASE WHEN indisvalid IS NOT true THEN format('CREATE INDEX CONCURRENTLY %I ON outcomes.person_name (%s)', name, columns) END)
       ) step (number, statement)
 WHERE statement IS NOT NULL
 ORDER BY name, number
