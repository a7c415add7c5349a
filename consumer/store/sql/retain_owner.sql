-- Whether this user may change the version tables.
SELECT pg_has_role(relowner, 'USAGE')
  FROM pg_class
 WHERE oid = 'outcomes.learning_outcome_result_version'::regclass
