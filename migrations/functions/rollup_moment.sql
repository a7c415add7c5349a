-- A result that now belongs to another student, course or outcome has causes of its own: it is no regrade. A version that neither counts
-- nor replaces one that counted is no cause.
CREATE OR REPLACE FUNCTION outcomes_internal.rollup_moment(tenant text, course bigint, student text, outcome bigint)
RETURNS TABLE (at timestamptz, cause text, table_name text, id bigint) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH RECURSIVE name AS MATERIALIZED (
        SELECT u.user_uuid FROM outcomes_internal.uuids_of_same(tenant, ARRAY[student]) u
    ),
    person AS MATERIALIZED (
        SELECT h.user_id
          FROM outcomes_internal.uuid_holder(tenant, ARRAY(SELECT name.user_uuid FROM name), NULL) h
         WHERE course IS NOT NULL
         GROUP BY h.user_id
    ),
    kin (user_id) AS ( -- also who was ever merged into them, because their enrolments may be theirs
        SELECT person.user_id FROM person
         UNION
        SELECT m.id
          FROM kin
          JOIN outcomes.user_merge_version m ON m.root_account_uuid = tenant AND m.merged_into_user_id = kin.user_id
    ),
    enrolled AS MATERIALIZED ( -- what was ever theirs and ever in the course, each version of it
        SELECT e.id, e.event_time, e.course_section_id
          FROM outcomes.enrollment_version e
         WHERE e.root_account_uuid = tenant
           AND e.id = ANY (ARRAY(SELECT theirs.id FROM outcomes.enrollment_version theirs
                                  WHERE theirs.root_account_uuid = tenant AND theirs.user_id = ANY (ARRAY(SELECT kin.user_id FROM kin))))
           AND EXISTS (SELECT
                         FROM outcomes.enrollment_version v
                        WHERE v.root_account_uuid = tenant AND v.id = e.id
                          AND (v.course_id = course
                               OR v.course_section_id IN (SELECT s.id FROM outcomes.course_section_version s
                                                           WHERE s.root_account_uuid = tenant AND s.course_id = course)))
    ),
    gone AS MATERIALIZED ( -- an enrolment in any course can tell that they are there again
        SELECT u.id
          FROM outcomes.canvas_user_version u
         WHERE u.root_account_uuid = tenant AND u.id = ANY (ARRAY(SELECT kin.user_id FROM kin)) AND u.workflow_state = 'deleted'
         UNION
        SELECT m.id
          FROM outcomes.user_merge_version m
         WHERE m.root_account_uuid = tenant AND m.id = ANY (ARRAY(SELECT kin.user_id FROM kin))
    ),
    result AS MATERIALIZED (
        SELECT DISTINCT v.id
          FROM outcomes.learning_outcome_result_version v
         WHERE v.root_account_uuid = tenant
           AND v.result_context_id = course AND coalesce(v.result_context_type, 'Course') = 'Course'
           AND v.user_uuid = ANY (ARRAY(SELECT name.user_uuid FROM name)) AND v.learning_outcome_id = outcome
         UNION
        SELECT v.id
          FROM outcomes.learning_outcome_result_version v
         WHERE course IS NULL AND v.root_account_uuid = tenant
           AND outcomes_internal.course_of(v.result_context_type, v.result_context_id) IS NULL
           AND v.user_uuid = ANY (ARRAY(SELECT name.user_uuid FROM name)) AND v.learning_outcome_id = outcome
    ),
    version AS (
        SELECT v.*, v.workflow_state = 'active' AND v.score IS NOT NULL AS valid,
               v.user_uuid = ANY (ARRAY(SELECT name.user_uuid FROM name)) AND v.learning_outcome_id = outcome
                   AND outcomes_internal.course_of(v.result_context_type, v.result_context_id) IS NOT DISTINCT FROM course AS here
          FROM outcomes.learning_outcome_result_version v
         WHERE v.root_account_uuid = tenant AND v.id = ANY (ARRAY(SELECT result.id FROM result))
    ),
    told AS MATERIALIZED (
        SELECT v.id, v.event_time, v.artifact_type, v.artifact_id, v.associated_asset_type, v.associated_asset_id, v.valid, v.user_uuid,
               v.valid AND v.here AS counts,
               lag(v.valid, 1, false) OVER was AS was_valid,
               lag(v.valid AND v.here, 1, false) OVER was AS counted,
               lag(v.user_uuid) OVER was AS was_of,
               bool_or(v.valid AND v.here) OVER (was ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS ever
          FROM version v
        WINDOW was AS (PARTITION BY v.id ORDER BY v.event_time, v.event_name, coalesce(v.updated_at, '-infinity'), v.version_hash)
    ),
    hint AS (
        SELECT h.event_time, outcomes_internal.local_id(h.metadata ->> 'context_account_id') AS account
          FROM outcomes.context_hint h
         WHERE h.root_account_uuid = tenant AND h.metadata ->> 'context_type' = 'Course' AND h.metadata ? 'context_account_id'
           AND outcomes_internal.local_id(h.metadata ->> 'context_id') = course
    ),
    rooted AS ( -- what can make an account the root
        SELECT v.event_time, v.id AS account FROM outcomes.account_version v
         WHERE v.root_account_uuid = tenant
           AND v.id IN (SELECT p.id FROM outcomes.account_version p WHERE p.root_account_uuid = tenant AND p.parent_account_id IS NULL)
         UNION ALL
        SELECT min(v.event_time), v.root_account_id FROM outcomes.account_version v
         WHERE v.root_account_uuid = tenant AND v.root_account_id IS NOT NULL GROUP BY v.root_account_id
         UNION ALL
        SELECT min(h.event_time), outcomes_internal.local_id(h.metadata ->> 'root_account_id') FROM outcomes.context_hint h
         WHERE h.root_account_uuid = tenant AND h.metadata ? 'root_account_id' GROUP BY 2
    ),
    owner AS (
        SELECT v.event_time, v.context_type, v.context_id FROM outcomes.outcome_proficiency_version v
         WHERE v.root_account_uuid = tenant
         UNION ALL
        SELECT v.event_time, v.context_type, v.context_id FROM outcomes.outcome_calculation_method_version v
         WHERE v.root_account_uuid = tenant
    ),
    guess AS ( -- until the root is known, the only account that owns scales and methods counts as the root
        SELECT owner.event_time, CASE owner.context_type WHEN 'Account' THEN owner.context_id END AS account
          FROM owner
         WHERE owner.event_time < coalesce((SELECT min(rooted.event_time) FROM rooted), 'infinity')
    ),
    above (account) AS (
        SELECT v.account_id FROM outcomes.course_version v WHERE v.root_account_uuid = tenant AND v.id = course
         UNION
        SELECT hint.account FROM hint
         UNION
        SELECT rooted.account FROM rooted
         UNION
        SELECT guess.account FROM guess
         UNION
        SELECT v.parent_account_id FROM above JOIN outcomes.account_version v ON v.root_account_uuid = tenant AND v.id = above.account
    ),
    context AS (
        SELECT 'Course' AS type, course AS id WHERE course IS NOT NULL
         UNION ALL
        SELECT 'Account', above.account FROM above WHERE above.account IS NOT NULL
    )
    SELECT told.event_time,
           CASE WHEN told.counts AND told.counted AND told.user_uuid = told.was_of THEN 'regrade'
                -- It is valid before and after: its course, outcome or student has changed, and not its score.
                WHEN told.valid AND told.was_valid AND told.user_uuid IS NOT DISTINCT FROM told.was_of THEN 'result moved'
                WHEN told.valid AND told.was_valid AND (told.user_uuid LIKE 'id:%' OR told.was_of LIKE 'id:%') THEN 'student known'
                WHEN told.valid AND told.was_valid THEN 'student changed'
                WHEN told.counts AND told.ever THEN 'result restored'
                WHEN told.counts THEN 'new result'
                ELSE 'result deleted' END, 'learning_outcome_result', told.id
      FROM told
     WHERE told.counts OR told.counted
     UNION ALL
    -- Before a result of theirs was told they change nothing.
    SELECT a.event_time, 'submission time', 'rubric_assessment', a.id
      FROM (SELECT told.artifact_id, min(told.event_time) AS since FROM told WHERE told.artifact_type = 'RubricAssessment' GROUP BY 1) seen
      JOIN outcomes.rubric_assessment_version a ON a.root_account_uuid = tenant AND a.id = seen.artifact_id AND a.event_time >= seen.since
     UNION ALL
    SELECT s.event_time, 'submission time', 'submission', s.id
      FROM (SELECT told.associated_asset_id, min(told.event_time) AS since
              FROM told WHERE told.associated_asset_type = 'Assignment' GROUP BY 1) seen
      JOIN outcomes.submission_version s
        ON s.root_account_uuid = tenant AND s.assignment_id = seen.associated_asset_id AND s.event_time >= seen.since
     WHERE s.user_id = ANY (ARRAY(SELECT person.user_id FROM person))
     UNION ALL
    SELECT enrolled.event_time, 'enrolment', 'enrollment', enrolled.id FROM enrolled
     UNION ALL
    SELECT e.event_time, 'enrolment', 'enrollment', e.id
      FROM outcomes.enrollment_version e
     WHERE e.root_account_uuid = tenant AND e.user_id = ANY (ARRAY(SELECT gone.id FROM gone))
     UNION ALL
    SELECT s.event_time, 'section', 'course_section', s.id
      FROM outcomes.course_section_version s
     WHERE s.root_account_uuid = tenant AND s.id = ANY (ARRAY(SELECT enrolled.course_section_id FROM enrolled))
     UNION ALL
    SELECT u.event_time, 'user', 'canvas_user', u.id
      FROM outcomes.canvas_user_version u
     WHERE u.root_account_uuid = tenant AND u.id = ANY (ARRAY(SELECT kin.user_id FROM kin))
     UNION ALL
    SELECT m.event_time, 'users merged', 'user_merge', m.id
      FROM outcomes.user_merge_version m
     WHERE m.root_account_uuid = tenant AND m.id = ANY (ARRAY(SELECT kin.user_id FROM kin))
     UNION ALL
    SELECT i.since, 'uuid of the user known', 'user_identity', i.user_id
      FROM outcomes.user_identity i
     WHERE i.root_account_uuid = tenant AND i.user_id = ANY (ARRAY(SELECT person.user_id FROM person))
     UNION ALL
    SELECT i.since, 'uuid of the user known', 'user_identity', i.user_id
      FROM outcomes_internal.identity_moment(
           tenant, CASE WHEN (SELECT count(*) FROM name WHERE name.user_uuid NOT LIKE 'id:%') > 1 OR (SELECT count(*) FROM person) > 1
                        THEN ARRAY(SELECT person.user_id FROM person) END, NULL) i
     UNION ALL
    SELECT r.event_time, 'roster read', 'roster_reading', r.course_id
      FROM outcomes.roster_reading r
     WHERE r.root_account_uuid = tenant AND r.course_id = course
     UNION ALL
    -- Of any outcome and by any name, also without a score: it shows somebody of whom no enrolment was told.
    SELECT min(v.event_time), 'result made after the roster was read', 'learning_outcome_result', v.id
      FROM outcomes.learning_outcome_result_version v
     WHERE v.root_account_uuid = tenant AND v.result_context_id = course AND coalesce(v.result_context_type, 'Course') = 'Course'
       AND v.user_uuid = ANY (ARRAY(SELECT name.user_uuid FROM name))
       AND coalesce(v.created_at, v.assessed_at, v.event_time)
           > (SELECT min(r.event_time) FROM outcomes.roster_reading r WHERE r.root_account_uuid = tenant AND r.course_id = course)
       AND (v.learning_outcome_id = outcome AND v.workflow_state = 'active' AND v.score IS NOT NULL) IS NOT TRUE
     GROUP BY v.id, v.user_uuid, coalesce(v.created_at, v.assessed_at, v.event_time)
     UNION ALL
    SELECT v.event_time, CASE WHEN v.workflow_state = 'deleted' THEN 'scale deleted' ELSE 'scale' END, 'outcome_proficiency', v.id
      FROM outcomes.outcome_proficiency_version v
     WHERE v.root_account_uuid = tenant
       AND v.id IN (SELECT s.id FROM context JOIN outcomes.outcome_proficiency_version s
                        ON s.root_account_uuid = tenant AND s.context_type = context.type AND s.context_id = context.id)
     UNION ALL
    SELECT v.event_time, CASE WHEN v.workflow_state = 'deleted' THEN 'calculation method deleted' ELSE 'calculation method' END,
           'outcome_calculation_method', v.id
      FROM outcomes.outcome_calculation_method_version v
     WHERE v.root_account_uuid = tenant
       AND v.id IN (SELECT s.id FROM context JOIN outcomes.outcome_calculation_method_version s
                        ON s.root_account_uuid = tenant AND s.context_type = context.type AND s.context_id = context.id)
     UNION ALL
    SELECT min(owner.event_time), 'account-level scales seen', NULL, NULL FROM owner HAVING count(*) > 0
     UNION ALL
    SELECT guess.event_time, 'root account known', NULL, guess.account FROM guess
     UNION ALL
    SELECT v.event_time, 'course moved', 'course', v.id FROM outcomes.course_version v
     WHERE v.root_account_uuid = tenant AND v.id = course
     UNION ALL
    SELECT h.event_time, 'account of the course known', NULL, h.account
      FROM (SELECT hint.*, lag(hint.account) OVER (ORDER BY hint.event_time, hint.account) AS before FROM hint) h
     WHERE h.account IS DISTINCT FROM h.before
     UNION ALL
    SELECT v.event_time, 'account moved', 'account', v.id
      FROM above JOIN outcomes.account_version v ON v.root_account_uuid = tenant AND v.id = above.account
     UNION ALL
    SELECT rooted.event_time, 'root account known', 'account', rooted.account FROM rooted
     UNION ALL
    SELECT v.event_time, CASE WHEN v.workflow_state = 'deleted' THEN 'outcome deleted' ELSE 'outcome' END, 'learning_outcome', v.id
      FROM outcomes.learning_outcome_version v
     WHERE v.root_account_uuid = tenant AND v.id = outcome
     UNION ALL
    SELECT a.event_time, CASE WHEN a.workflow_state = 'deleted' THEN 'alignment removed' ELSE 'alignment told' END, 'outcome_alignment', a.asset_id
      FROM outcomes.outcome_alignment_version a
     WHERE a.root_account_uuid = tenant AND a.course_id = course AND a.learning_outcome_id = outcome AND a.asset_type = 'Assignment'
     UNION ALL
    SELECT v.event_time, CASE WHEN v.workflow_state = 'deleted' THEN 'outcome unlinked' ELSE 'outcome linked' END,
           'learning_outcome_link', v.id
      FROM outcomes.learning_outcome_link_version v
     WHERE v.root_account_uuid = tenant
       AND v.id IN (SELECT l.id FROM outcomes.learning_outcome_link_version l
                     WHERE l.root_account_uuid = tenant AND l.context_type = 'Course' AND l.context_id = course
                       AND l.learning_outcome_id = outcome)
$$;
COMMENT ON FUNCTION outcomes_internal.rollup_moment IS
    'The events that can have changed a rollup, with what they would be called as a cause. mastery_timeline keeps those that did.';
