-- Its argument says what kind of table it is a trigger of. It records what rows say about themselves, and looks nothing up: what another
-- transaction writes at the same moment, it could not see. Each statement that fires it adds a row or two; nothing is ever waited for.
CREATE OR REPLACE FUNCTION outcomes_internal.mark_summaries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        INSERT INTO outcomes_internal.summary_mark (root_account_uuid, kind)
        SELECT DISTINCT c.root_account_uuid, 'all' FROM outcomes_internal.summary_course c;
        RETURN NULL;
    END IF;
    CASE TG_ARGV[0]
    WHEN 'result' THEN
        INSERT INTO outcomes_internal.summary_mark (root_account_uuid, kind, ids)
        SELECT w.root_account_uuid, 'course', array_agg(w.id)
          FROM (SELECT DISTINCT root_account_uuid, result_context_id AS id FROM written) w
         WHERE w.id IS NOT NULL
         GROUP BY w.root_account_uuid;
    WHEN 'course' THEN
        INSERT INTO outcomes_internal.summary_mark (root_account_uuid, kind, ids)
        SELECT w.root_account_uuid, 'course', array_agg(DISTINCT w.id) FROM written w GROUP BY w.root_account_uuid;
    WHEN 'of_course' THEN
        INSERT INTO outcomes_internal.summary_mark (root_account_uuid, kind, ids)
        SELECT w.root_account_uuid, 'course', array_agg(DISTINCT w.course_id) FROM written w GROUP BY w.root_account_uuid;
    WHEN 'section' THEN
        INSERT INTO outcomes_internal.summary_mark (root_account_uuid, kind, ids)
        SELECT w.root_account_uuid, m.kind, array_agg(DISTINCT m.id)
          FROM written w CROSS JOIN LATERAL (VALUES ('course', w.course_id), ('section', w.id)) m (kind, id)
         WHERE m.id IS NOT NULL
         GROUP BY w.root_account_uuid, m.kind;
    WHEN 'enrollment' THEN
        INSERT INTO outcomes_internal.summary_mark (root_account_uuid, kind, ids)
        SELECT w.root_account_uuid, m.kind, array_agg(DISTINCT m.id)
          FROM written w
         CROSS JOIN LATERAL (VALUES ('course', w.course_id), ('section', w.course_section_id), ('enrollment', w.id),
                                    ('enrolled', w.user_id)) m (kind, id)
         WHERE m.id IS NOT NULL
         GROUP BY w.root_account_uuid, m.kind;
    WHEN 'identity' THEN
        INSERT INTO outcomes_internal.summary_mark (root_account_uuid, kind, ids)
        SELECT w.root_account_uuid, m.kind, array_agg(DISTINCT m.id)
          FROM written w CROSS JOIN LATERAL (VALUES ('user', w.user_id), ('uuid', hashtextextended(w.user_uuid, 0))) m (kind, id)
         GROUP BY w.root_account_uuid, m.kind;
    WHEN 'link' THEN
        INSERT INTO outcomes_internal.summary_mark (root_account_uuid, kind, ids)
        SELECT w.root_account_uuid, m.kind, array_agg(DISTINCT m.id)
          FROM written w
         CROSS JOIN LATERAL (VALUES ('course', CASE WHEN w.context_type = 'Course' THEN w.context_id END), ('link', w.id)) m (kind, id)
         WHERE m.id IS NOT NULL
         GROUP BY w.root_account_uuid, m.kind;
    WHEN 'submission' THEN
        INSERT INTO outcomes_internal.summary_mark (root_account_uuid, kind, ids)
        SELECT w.root_account_uuid, 'assignment', array_agg(DISTINCT w.assignment_id)
          FROM written w
         WHERE w.assignment_id IS NOT NULL
         GROUP BY w.root_account_uuid;
    WHEN 'assessment', 'outcome', 'user' THEN
        INSERT INTO outcomes_internal.summary_mark (root_account_uuid, kind, ids)
        SELECT w.root_account_uuid, TG_ARGV[0], array_agg(DISTINCT w.id) FROM written w GROUP BY w.root_account_uuid;
    WHEN 'setting' THEN
        INSERT INTO outcomes_internal.summary_mark (root_account_uuid, kind)
        SELECT DISTINCT w.root_account_uuid, 'setting' FROM written w;
    END CASE;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION outcomes_internal.mark_summaries IS
    'Trigger of every table that summaries depend on: adds to summary_mark what a statement has written.';
