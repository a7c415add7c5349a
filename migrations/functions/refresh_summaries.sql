-- Everything here sees one moment. What is committed later leaves marks that this does not see, and so does not remove.
CREATE OR REPLACE FUNCTION outcomes_internal.refresh_summaries(tenant text, most integer)
RETURNS TABLE (computed bigint, waiting bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    course bigint;
    chosen bigint[];
BEGIN
    IF current_setting('transaction_isolation') NOT IN ('repeatable read', 'serializable') THEN
        RAISE 'summaries are brought up to date in a transaction that sees one moment: BEGIN ISOLATION LEVEL REPEATABLE READ';
    END IF;
    IF NOT pg_try_advisory_xact_lock(hashtextextended('outcomes.summaries ' || tenant, 0)) THEN
        RETURN; -- somebody else is at it
    END IF;
    INSERT INTO outcomes_internal.summary_course AS known (root_account_uuid, course_id, computed)
    SELECT DISTINCT tenant, s.course_id, false
      FROM outcomes_internal.stale_courses(tenant) s
     WHERE EXISTS (SELECT FROM outcomes_internal.summary_course c WHERE c.root_account_uuid = tenant AND c.course_id = s.course_id)
        OR EXISTS (SELECT FROM outcomes.learning_outcome_result r WHERE r.root_account_uuid = tenant AND r.result_context_id = s.course_id)
        ON CONFLICT (root_account_uuid, course_id) DO UPDATE SET computed = false WHERE known.computed;
    INSERT INTO outcomes_internal.summary_tenant AS known (root_account_uuid, code, root_hint)
    VALUES (tenant, outcomes_internal.summary_code(), outcomes_internal.root_hint(tenant))
        ON CONFLICT (root_account_uuid) DO UPDATE SET code = excluded.code, root_hint = excluded.root_hint
     WHERE (known.code, known.root_hint) IS DISTINCT FROM (excluded.code, excluded.root_hint);
    DELETE FROM outcomes_internal.summary_mark m WHERE m.root_account_uuid = tenant;

    chosen := ARRAY(SELECT c.course_id FROM outcomes_internal.summary_course c
                     WHERE c.root_account_uuid = tenant AND NOT c.computed ORDER BY c.course_id LIMIT most);
    FOREACH course IN ARRAY chosen LOOP
        DELETE FROM outcomes_internal.summary s WHERE s.root_account_uuid = tenant AND s.course_id = course;
        WITH part AS MATERIALIZED (
            SELECT p.* FROM outcomes_internal.summary_parts(tenant, course) p
        ),
        scale AS (
            INSERT INTO outcomes_internal.summary_scale (root_account_uuid, scale, levels)
            SELECT DISTINCT ON (p.scale) tenant, p.scale, p.levels FROM part p
                ON CONFLICT (root_account_uuid, scale) DO NOTHING
        )
        INSERT INTO outcomes_internal.summary
               (root_account_uuid, course_id, learning_outcome_id, mean, median, students, assessed, mastered, scale, counts)
        SELECT tenant, course, p.learning_outcome_id, p.mean, p.median, p.students, p.assessed, p.mastered, p.scale, p.counts FROM part p;
        WITH source AS MATERIALIZED (
            SELECT s.kind, s.id FROM outcomes_internal.summary_sources(tenant, course) s
        ),
        gone AS ( -- who was erased is not kept here either
            DELETE FROM outcomes_internal.summary_source k
             WHERE k.root_account_uuid = tenant AND k.course_id = course AND (k.kind, k.id) NOT IN (SELECT s.kind, s.id FROM source s)
        )
        INSERT INTO outcomes_internal.summary_source (root_account_uuid, kind, id, course_id)
        SELECT tenant, s.kind, s.id, course FROM source s
            ON CONFLICT (root_account_uuid, kind, id, course_id) DO NOTHING;
    END LOOP;
    UPDATE outcomes_internal.summary_course c
       SET computed = true, setting = s.setting,
           hinted = NOT EXISTS (SELECT FROM outcomes.course o
                                 WHERE o.root_account_uuid = tenant AND o.id = c.course_id AND o.account_id IS NOT NULL)
      FROM outcomes_internal.course_settings(tenant, chosen) s
     WHERE c.root_account_uuid = tenant AND c.course_id = s.course_id;
    RETURN QUERY SELECT cardinality(chosen)::bigint,
                        (SELECT count(*) FROM outcomes_internal.summary_course c WHERE c.root_account_uuid = tenant AND NOT c.computed);
END
$$;
COMMENT ON FUNCTION outcomes_internal.refresh_summaries IS
    'Takes in all marks of a tenant and computes at most so many of the courses that wait. No row where another session is at it.';
