CREATE OR REPLACE FUNCTION outcomes.course_roster_at(
    tenant text, course_id bigint, at timestamptz DEFAULT NULL, known_at timestamptz DEFAULT NULL)
RETURNS SETOF outcomes.course_roster LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT $1, $2, r.user_id, r.user_uuid, r.past_uuids, r.standing, r.test_student, r.sections, r.enrollments, r.concluded, r.inactive,
           r.merged_into_user_id
      FROM outcomes_internal.course_roster_of($1, $2, $3, $4) r
     WHERE (SELECT outcomes_internal.known_tenant($1))
$$;
COMMENT ON FUNCTION outcomes.course_roster_at IS
    'course_roster of one course as it was at a moment; known_at: from what had been recorded by then. at null is now.';
