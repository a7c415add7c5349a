-- Takes in the marks of a tenant and computes some of the courses that wait. No row where another session is at it.
SELECT computed, waiting FROM outcomes_internal.refresh_summaries($1, $2)
