-- The year with which history begins; null if nothing was retired.
SELECT extract(year FROM outcomes.history_begins() AT TIME ZONE 'UTC')::integer
