-- The year with which history begins; null where nothing was retired.
SELECT extract(year FROM outcomes.history_begins() AT TIME ZONE 'UTC')::integer
