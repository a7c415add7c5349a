-- Gives the statements that build indexes of results again, beside writing workers: the column that decides a comparison comes first, the
-- tenant, which nearly always is the same, last. One that was killed has left an index that is not valid, which goes first. Current rows
-- by course stay as they are: with the tenant first the planner knows that they lie in that order, and reads a gradebook in it.
WITH wanted (name, suffix, kind, columns) AS (
    VALUES ('learning_outcome_result', '_new_key', 'UNIQUE INDEX', 'id, root_account_uuid'),
           ('learning_outcome_result', '_new_outcome', 'INDEX', 'learning_outcome_id, root_account_uuid')
     UNION ALL
    SELECT part.relname, ordered.*
      FROM pg_inherits
      JOIN pg_class part ON part.oid = inhrelid
     CROSS JOIN (VALUES ('_new_key', 'UNIQUE INDEX', 'id, event_time, version_hash, root_account_uuid'),
                        ('_new_course', 'INDEX', 'result_context_id, user_uuid, learning_outcome_id, root_account_uuid')) ordered
     WHERE inhparent = 'outcomes.learning_outcome_result_version'::regclass
)
SELECT statement
  FROM wanted
  LEFT JOIN pg_index ON indexrelid = to_regclass('outcomes.' || name || suffix)
 CROSS JOIN LATERAL (
    VALUES (1, CASE WHEN NOT indisvalid THEN format('DROP INDEX CONCURRENTLY outcomes.%I', name || suffix) END),
           (2, CASE WHEN indisvalid IS NOT true
                    THEN format('CREATE %s CONCURRENTLY %I ON outcomes.%I (%s)', kind, name || suffix, name, columns) END)
       ) step (number, statement)
 WHERE statement IS NOT NULL
 ORDER BY name, suffix, number
