-- The browser has signed out.
SELECT outcomes_internal.end_session($1)
