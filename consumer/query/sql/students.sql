-- Everybody who by a moment was ever told to be enrolled in a course as a student, or has a result in it that counts though nobody was told
-- to be enrolled whose it is. outcomes: those that the student has active results for, with or without a score. Results are put together
-- before they are anybody's: a course has a hundred times as many results as students.
WITH once AS (
    SELECT v.id
      FROM learning_outcome_result_version AS v
     WHERE ($3::timestamptz IS NOT NULL OR $4::timestamptz IS NOT NULL)
       AND v.root_account_uuid = $1 AND v.result_context_id = $2 AND coalesce(v.result_context_type, 'Course') = 'Course'
     UNION
    SELECT v.id
      FROM learning_outcome_result_version AS v
     WHERE ($3::timestamptz IS NOT NULL OR $4::timestamptz IS NOT NULL)
       AND $2::bigint IS NULL AND v.root_account_uuid = $1 AND outcomes_internal.course_of(v.result_context_type, v.result_context_id) IS NULL
),
result AS NOT MATERIALIZED (
    SELECT r.user_uuid, r.learning_outcome_id, r.workflow_state, r.associated_asset_type, r.associated_asset_id, r.event_time,
           coalesce(r.created_at, r.assessed_at, r.event_time) AS made_at
      FROM learning_outcome_result AS r
     WHERE $3::timestamptz IS NULL AND $4::timestamptz IS NULL AND r.root_account_uuid = $1 AND r.user_uuid IS NOT NULL
       AND (r.result_context_id = $2 AND coalesce(r.result_context_type, 'Course') = 'Course'
            OR $2::bigint IS NULL AND outcomes_internal.course_of(r.result_context_type, r.result_context_id) IS NULL)
     UNION ALL
    SELECT r.user_uuid, r.learning_outcome_id, r.workflow_state, r.associated_asset_type, r.associated_asset_id, r.event_time,
           coalesce(r.created_at, r.assessed_at, r.event_time)
      FROM once
     CROSS JOIN LATERAL learning_outcome_result_at($1, once.id, $3, $4) AS r
     WHERE outcomes_internal.course_of(r.result_context_type, r.result_context_id) IS NOT DISTINCT FROM $2 AND r.user_uuid IS NOT NULL
),
gone AS MATERIALIZED (
    SELECT a.* FROM outcomes_internal.removed_alignment($1, $2, $3, $4) AS a
),
person AS MATERIALIZED (
    SELECT p.*
      FROM outcomes_internal.result_person(
           $1, $2, CASE WHEN $2::bigint IS NULL THEN ARRAY(SELECT DISTINCT result.user_uuid FROM result)
                        ELSE outcomes_internal.course_uuids($1, $2, $3, $4) END, $3, $4) AS p
),
assessed AS MATERIALIZED ( -- when matters only where the uuid has been several people's
    SELECT r.user_uuid, r.learning_outcome_id, CASE WHEN r.user_uuid = ANY (parted.uuids) THEN r.made_at END AS made_at,
           bool_or(r.workflow_state = 'active'
                   AND ((SELECT count(*) FROM gone) = 0
                        OR NOT EXISTS (SELECT
                                         FROM gone
                                        WHERE r.associated_asset_type = 'Assignment' AND gone.assignment_id = r.associated_asset_id
                                          AND gone.learning_outcome_id = r.learning_outcome_id
                                          AND r.event_time <= gone.removed_at))) AS active
      FROM result AS r
     CROSS JOIN (SELECT array_agg(p.user_uuid) AS uuids
                   FROM person AS p
                  WHERE p.held_from <> '-infinity' OR p.held_until <> 'infinity') AS parted
     GROUP BY 1, 2, 3
),
owner AS MATERIALIZED (
    SELECT p.user_id, p.counts_as, array_agg(DISTINCT a.learning_outcome_id) FILTER (WHERE a.active) AS outcomes
      FROM assessed AS a
      JOIN person AS p ON p.user_uuid = a.user_uuid AND (a.made_at IS NULL OR a.made_at >= p.held_from AND a.made_at < p.held_until)
     GROUP BY p.user_id, p.counts_as
),
roster AS MATERIALIZED (
    SELECT r.*, outcomes_internal.person_key(r.user_id, r.user_uuid) AS key
      FROM course_roster_at($1, $2, $3, $4) AS r
),
section AS MATERIALIZED (
    SELECT s.id, s.name
      FROM (SELECT DISTINCT unnest(roster.sections) FROM roster) AS seen (id)
     CROSS JOIN LATERAL course_section_at($1, seen.id, $3, $4) AS s
)
SELECT r.user_id, r.user_uuid, r.key, r.past_uuids, r.standing, r.test_student,
       (SELECT jsonb_agg(jsonb_build_object(
                   'course_section_id', (e ->> 'course_section_id')::bigint, 'section_name', section.name,
                   'workflow_state', e ->> 'workflow_state') ORDER BY n)
          FROM jsonb_array_elements(r.enrollments) WITH ORDINALITY AS enrollment (e, n)
          LEFT JOIN section ON section.id = (e ->> 'course_section_id')::bigint) AS enrollments,
       coalesce(theirs.outcomes, '{}') AS outcomes
  FROM roster AS r
  LEFT JOIN (SELECT owner.user_id, array_agg(DISTINCT one) AS outcomes
               FROM owner
              CROSS JOIN unnest(owner.outcomes) AS one
              GROUP BY owner.user_id) AS theirs USING (user_id)
 UNION ALL
SELECT owner.user_id, nullif(owner.counts_as, outcomes_internal.person_key(owner.user_id, NULL)), owner.counts_as, '{}', 'unknown', false,
       '[]', coalesce(owner.outcomes, '{}')
  FROM owner
 WHERE owner.counts_as IS NOT NULL AND NOT EXISTS (SELECT FROM roster AS r WHERE r.standing = 'enrolled' AND owner.counts_as = r.key)
