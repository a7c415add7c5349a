-- The newest looks of a tenant, by whom ($2, $3), at which course ($4), after a moment ($5).
SELECT l.at, l.kind, l.who, l.address, l.route, l.ids, l.users
  FROM access_log AS l
 WHERE l.root_account_uuid = $1 AND ($2::text IS NULL OR l.kind = $2 AND l.who = $3::text)
   AND ($4::bigint IS NULL OR l.ids ->> 'course_id' = $4::bigint::text) AND l.at >= coalesce($5::timestamptz, '-infinity')
 ORDER BY l.at DESC, l.id DESC
 LIMIT $6
