-- Without what is older than so many days.
SELECT outcomes_internal.empty_access_log($1)
