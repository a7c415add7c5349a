-- The grading standard that counts; a course without a named account stands in the account that the projection knows for it then.
SELECT *
  FROM effective_grading_standard(
           $1, $2, $3,
           coalesce($4, (SELECT above.owner_id
                          FROM outcomes_internal.account_chain($1, 'Course', $3, $5) AS above
                         WHERE $3::bigint IS NOT NULL AND above.owner_type = 'Account'
                         ORDER BY above.distance
                         LIMIT 1)),
           coalesce($5, clock_timestamp()))
