-- The grading standard that counts; a course without a named account stands in the account that the projection knows for it.
SELECT *
  FROM effective_grading_standard(
           $1, $2, $3,
           coalesce($4, (SELECT account_id FROM course WHERE root_account_uuid = $1 AND id = $3)),
           coalesce($5, clock_timestamp()))
