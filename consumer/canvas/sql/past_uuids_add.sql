-- Stores uuids under which tools still know users in a course. The first telling stays.
INSERT INTO user_past_uuid (root_account_uuid, course_id, user_id, user_uuid, since)
SELECT $1, $2, told.user_id, told.user_uuid, $5
  FROM unnest($3::bigint[], $4::text[]) AS told (user_id, user_uuid)
    ON CONFLICT DO NOTHING
