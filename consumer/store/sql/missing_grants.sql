-- What the four roles lack of what they may do, as statements to run by the owner. Looks only at what the schema's owner made.
-- $1: names of roles. The steps and files grant the same, once: this finds what was taken away since.
WITH role AS (
    SELECT name, to_regrole(name)::oid AS id FROM unnest($1::text[]) name
),
made AS (
    SELECT c.oid AS id, c.relname AS name,
           c.relkind = 'v' OR c.relispartition OR c.relname ~ '_version_'
               OR c.relname IN ('alembic_version', 'retired_version', 'suppression') AS only_read,
           EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'metadata') AS has_metadata
      FROM pg_class c
     WHERE c.relnamespace = to_regnamespace('outcomes')::oid AND c.relkind IN ('r', 'p', 'v') AND c.relname <> ALL (ARRAY['api_token', 'access_grant'])
       AND c.relowner = (SELECT relowner FROM pg_class
                          WHERE relnamespace = to_regnamespace('outcomes')::oid AND relname = 'alembic_version')
),
wanted (role, privilege, id, name) AS (
    SELECT 'outcomes_reader', 'SELECT', id, name FROM made
     WHERE name NOT IN ('access_log', 'access_session', 'person_name', 'quarantine', 'quarantine_tally', 'suppression', 'unknown_value')
     UNION ALL
    SELECT 'outcomes_people', 'SELECT', id, name FROM made WHERE name = 'person_name'
     UNION ALL
    SELECT 'outcomes_serve', 'INSERT', id, name FROM made WHERE name IN ('access_log', 'access_session')
     UNION ALL
    SELECT 'outcomes_writer', 'SELECT', id, name FROM made WHERE name NOT IN ('access_log', 'access_session')
     UNION ALL
    SELECT 'outcomes_writer', 'INSERT', id, name FROM made WHERE NOT only_read AND name NOT IN ('access_log', 'access_session')
     UNION ALL
    SELECT 'outcomes_writer', 'UPDATE', id, name FROM made
     WHERE NOT only_read AND name NOT LIKE '%\_version'
       AND name NOT IN ('access_log', 'access_session', 'backfill_step', 'grading_standard_use', 'roster_reading', 'stream_gap', 'unknown_value')
     UNION ALL
    SELECT 'outcomes_writer', 'DELETE', id, name FROM made WHERE name = 'person_name'
)
SELECT format('GRANT USAGE ON SCHEMA %I TO %I', schema.nspname, role.name) AS statement
  FROM pg_namespace schema CROSS JOIN role
 WHERE schema.nspname IN ('outcomes', 'outcomes_internal')
   AND (role.id IS NULL OR NOT has_schema_privilege(role.id, schema.oid, 'USAGE'))
 UNION ALL
SELECT format('GRANT %s ON outcomes.%I TO %I', wanted.privilege, wanted.name, role.name)
  FROM wanted JOIN role ON role.name = wanted.role
 WHERE role.id IS NULL OR NOT has_table_privilege(role.id, wanted.id, wanted.privilege)
 UNION ALL
SELECT format('GRANT UPDATE (metadata) ON outcomes.%I TO %I', made.name, role.name)
  FROM made JOIN role ON role.name = 'outcomes_writer'
 WHERE made.has_metadata AND NOT made.only_read AND made.name LIKE '%\_version'
   AND (role.id IS NULL OR NOT has_column_privilege(role.id, made.id, 'metadata', 'UPDATE'))
 UNION ALL
SELECT format('GRANT %s ON outcomes_internal.%I TO %I', privilege, c.relname, role.name)
  FROM role
 CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) privilege
  JOIN pg_class c ON c.relnamespace = to_regnamespace('outcomes_internal')::oid AND c.relkind = 'r'
 WHERE (c.relname LIKE 'summary%' AND (privilege = 'SELECT' OR role.name = 'outcomes_writer')
        OR c.relname = 'applied_file' AND privilege = 'SELECT'
        OR c.relname = 'erasure_key' AND privilege = 'SELECT' AND role.name = 'outcomes_writer')
   AND role.name <> 'outcomes_people'
   AND (role.id IS NULL OR NOT has_table_privilege(role.id, c.oid, privilege))
 UNION ALL
SELECT format('GRANT EXECUTE ON FUNCTION %s.%I TO %I', p.pronamespace::regnamespace, p.proname, role.name)
  FROM role JOIN pg_proc p ON p.pronamespace IN (to_regnamespace('outcomes')::oid, to_regnamespace('outcomes_internal')::oid)
 WHERE (role.name, p.proname::text) IN (('outcomes_writer', 'look_at_suppressions'), ('outcomes_writer', 'lock_suppressions'), ('outcomes_writer', 'make_version_partitions'),
                                  ('outcomes_writer', 'person_digest'), ('outcomes_writer', 'remove_names'),
                                  ('outcomes_writer', 'stored_suppressed'), ('outcomes_writer', 'suppress'),
                                  ('outcomes_reader', 'rights_of_secret'), ('outcomes_serve', 'rights_of_secret'),
                                  ('outcomes_serve', 'person_rights'), ('outcomes_serve', 'end_session'),
                                  ('outcomes_serve', 'empty_access_log'))
   AND (role.id IS NULL OR NOT has_function_privilege(role.id, p.oid, 'EXECUTE'))
