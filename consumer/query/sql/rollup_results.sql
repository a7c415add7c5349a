-- The results that go into one rollup at a moment, in the order in which they count.
SELECT id, score, possible, percent, assessed_at, worked_at, quiz_id, merged_percent, value
  FROM rollup_input($1, $2, $3, $4, $5, $6)
 ORDER BY worked_at NULLS FIRST, id
