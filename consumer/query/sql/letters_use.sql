-- Adds what a context uses from a time on, unless it was using just that. Answers whether anything was added, and from when.
WITH moment AS (
    SELECT clock_timestamp() AS now
), told AS (
    SELECT coalesce($5::timestamptz, moment.now) AS valid_from, moment.now AS recorded_at
      FROM moment
), added AS (
    INSERT INTO grading_standard_use (root_account_uuid, context_type, context_id, grading_standard_id, valid_from, recorded_at)
    SELECT $1, $2, $3, $4, told.valid_from, told.recorded_at
      FROM told
      LEFT JOIN LATERAL (
           SELECT said.grading_standard_id
             FROM grading_standard_use AS said
            WHERE said.root_account_uuid = $1 AND said.context_type = $2 AND said.context_id = $3
              AND said.valid_from <= told.valid_from
            ORDER BY said.valid_from DESC, said.recorded_at DESC
            LIMIT 1) AS held ON true
     WHERE held.grading_standard_id IS DISTINCT FROM $4
    RETURNING valid_from
)
SELECT told.valid_from, EXISTS (SELECT FROM added) AS added
  FROM told
