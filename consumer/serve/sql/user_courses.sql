-- The courses that an enrolment of a user ($2) was ever in, also while it was that of somebody who was merged into this one.
WITH RECURSIVE same (id) AS (
    SELECT $2::bigint
     UNION
    SELECT m.id FROM same JOIN user_merge AS m ON m.root_account_uuid = $1 AND m.merged_into_user_id = same.id
),
own AS MATERIALIZED (
    SELECT e.course_id, e.course_section_id
      FROM enrollment AS e
     WHERE e.root_account_uuid = $1 AND e.user_id = ANY (ARRAY(SELECT same.id FROM same))
)
SELECT own.course_id AS id FROM own WHERE own.course_id IS NOT NULL
 UNION
SELECT v.course_id
  FROM course_section_version AS v
 WHERE v.root_account_uuid = $1 AND v.id = ANY (ARRAY(SELECT own.course_section_id FROM own)) AND v.course_id IS NOT NULL
