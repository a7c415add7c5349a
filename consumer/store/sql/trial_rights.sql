-- Whether this login may take a row out: the tables' owner may.
SELECT bool_and(has_table_privilege(name, 'DELETE'))
  FROM unnest(ARRAY['learning_outcome', 'learning_outcome_version']) name
