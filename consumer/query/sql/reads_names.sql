-- Whether this login may read people's names.
SELECT has_table_privilege('outcomes.person_name', 'SELECT')
