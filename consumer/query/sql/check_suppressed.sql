-- People who were erased and are in a table. Says no key.
SELECT format('%s: a %s of %s that was erased', table_name, kind, root_account_uuid) AS sentence
  FROM outcomes_internal.stored_suppressed()
