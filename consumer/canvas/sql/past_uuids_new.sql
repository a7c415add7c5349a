-- Which of these past uuids are not known in the course.
SELECT told.user_id, told.user_uuid
  FROM unnest($3::bigint[], $4::text[]) AS told (user_id, user_uuid)
 WHERE NOT EXISTS (SELECT FROM user_past_uuid AS known
                    WHERE known.root_account_uuid = $1 AND known.course_id = $2 AND known.user_id = told.user_id
                      AND known.user_uuid = told.user_uuid)
