-- Whether this login may read quarantine: who may not is answered without it.
SELECT has_table_privilege('outcomes.quarantine', 'SELECT')
