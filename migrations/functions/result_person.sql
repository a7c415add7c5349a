-- Canvas shows the rows of whoever is enrolled as a student (app/models/course.rb, all_students), and results by their user id. Events can be
-- missing, so somebody whose enrolment was never told has a row too, until REST has told the whole roster; then only with a result that was
-- made later. A result is whoever's the uuid was when it was made.
CREATE OR REPLACE FUNCTION outcomes_internal.result_person(
    tenant text, course_id bigint, user_uuids text[], at timestamptz, known_at timestamptz)
RETURNS TABLE (user_uuid text, user_id bigint, held_from timestamptz, held_until timestamptz, counts_as text)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10
SET enable_nestloop = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan SET max_parallel_workers_per_gather = 0 SET jit = off AS $$
#variable_conflict use_column
DECLARE
    course CONSTANT bigint := course_id;
    moment CONSTANT timestamptz := at;
    until CONSTANT timestamptz := coalesce(at, 'infinity');
    recorded CONSTANT timestamptz := coalesce(known_at, 'infinity');
    read_at CONSTANT timestamptz := (
        SELECT max(r.event_time)
          FROM outcomes.roster_reading r
         WHERE r.root_account_uuid = tenant AND r.course_id = course AND r.event_time <= until AND r.recorded_at <= recorded);
BEGIN
    IF course IS NULL THEN
        RETURN QUERY
        SELECT DISTINCT n.name, NULL::bigint, '-infinity'::timestamptz, 'infinity'::timestamptz, n.name FROM unnest(user_uuids) n (name);
        RETURN;
    END IF;
    RETURN QUERY
    WITH held AS MATERIALIZED (
        SELECT n.name AS user_uuid, h.user_id, coalesce(h.held_from, '-infinity') AS held_from, coalesce(h.held_until, 'infinity') AS held_until
          FROM (SELECT DISTINCT given.name FROM unnest(user_uuids) given (name)) n
          LEFT JOIN outcomes_internal.uuid_holder(tenant, user_uuids, known_at) h ON h.user_uuid = n.name
    ),
    enrolled AS MATERIALIZED (
        SELECT e.user_id,
               bool_or(e.here AND e.workflow_state <> 'deleted' AND e.type IN ('StudentEnrollment', 'StudentViewEnrollment')) AS now
          FROM outcomes_internal.course_enrollment(tenant, course, moment, known_at) e
         -- One of no type that Canvas has tells nothing of anybody (app/models/enrollment.rb).
         WHERE e.type IN ('StudentEnrollment', 'StudentViewEnrollment', 'TeacherEnrollment', 'TaEnrollment', 'DesignerEnrollment',
                          'ObserverEnrollment')
         GROUP BY e.user_id
    ),
    standing AS MATERIALIZED (
        SELECT h.user_uuid, h.user_id, h.held_from, h.held_until, e.now AND gone.user_id IS NULL AS enrolled,
               bool_or(h.held_from <= until AND (h.held_until = 'infinity' OR h.held_until > until))
                   OVER (PARTITION BY h.user_uuid, h.user_id) AS has_uuid,
               e.user_id IS NULL AND gone.user_id IS NULL AS unknown
          FROM held h
          LEFT JOIN enrolled e ON e.user_id = h.user_id
          LEFT JOIN outcomes_internal.gone_users(tenant, ARRAY(SELECT held.user_id FROM held), moment, known_at) gone
            ON gone.user_id = h.user_id
    ),
    renamed AS MATERIALIZED ( -- the enrolled ones who have several names, or whose uuid is another's now
        SELECT u.user_id, u.user_uuid
          FROM outcomes_internal.user_uuids(
               tenant,
               ARRAY(SELECT s.user_id FROM standing s WHERE s.enrolled AND (s.user_uuid LIKE 'id:%' OR s.held_until < 'infinity')
                      UNION ALL
                     SELECT i.user_id
                       FROM outcomes.user_identity i
                      WHERE i.root_account_uuid = tenant AND i.user_id = ANY (ARRAY(SELECT s.user_id FROM standing s WHERE s.enrolled))
                      GROUP BY i.user_id
                     HAVING count(*) > 1),
               moment, known_at) u
    )
    SELECT s.user_uuid, s.user_id, s.held_from, s.held_until,
           CASE WHEN s.enrolled AND r.user_id IS NOT NULL THEN outcomes_internal.person_key(s.user_id, r.user_uuid)
                WHEN s.enrolled THEN s.user_uuid
                WHEN NOT s.unknown THEN NULL
                WHEN read_at IS NULL
                     OR EXISTS (SELECT
                                  FROM outcomes.learning_outcome_result_version v
                                 WHERE v.root_account_uuid = tenant AND v.result_context_id = course AND v.user_uuid = s.user_uuid
                                   AND coalesce(v.result_context_type, 'Course') = 'Course'
                                   AND v.event_time <= until AND v.recorded_at <= recorded
                                   AND coalesce(v.created_at, v.assessed_at, v.event_time) > read_at
                                   AND coalesce(v.created_at, v.assessed_at, v.event_time) >= s.held_from
                                   AND coalesce(v.created_at, v.assessed_at, v.event_time) < s.held_until)
                THEN outcomes_internal.person_key(s.user_id, CASE WHEN s.has_uuid THEN s.user_uuid END)
           END
      FROM standing s
      LEFT JOIN renamed r ON r.user_id = s.user_id AND s.enrolled;
END
$$;
COMMENT ON FUNCTION outcomes_internal.result_person IS
    'As whose the results with these uuids count in a course at a moment, by when they were made: [held_from, held_until). counts_as is the '
    'uuid that the person has at that moment, id: and the user id where it is somebody else''s by then; null: they count nowhere, because '
    'the person has left. user_id: whose they are, null where nothing has told it.';
