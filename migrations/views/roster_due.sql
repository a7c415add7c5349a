-- In doubt a roster is due. An import that failed, was aborted or taken back may have changed some of it (app/models/sis_batch.rb), and a
-- course is below every account until its own accounts are told up to the root.
CREATE OR REPLACE VIEW outcomes.roster_due AS
WITH RECURSIVE imported AS MATERIALIZED (
    SELECT DISTINCT ON (root_account_uuid, account_id) root_account_uuid, account_id, id AS sis_batch_id, event_time AS since
      FROM outcomes.sis_batch
     WHERE workflow_state IS NULL OR workflow_state NOT IN ('initializing', 'created', 'importing')
     ORDER BY root_account_uuid, account_id, event_time DESC, id DESC
),
course AS MATERIALIZED (
    SELECT seen.root_account_uuid, seen.course_id, known.account_id
      FROM (SELECT root_account_uuid, id AS course_id FROM outcomes.course
             UNION
            SELECT root_account_uuid, course_id FROM outcomes.enrollment
             UNION
            SELECT root_account_uuid, course_id FROM outcomes.course_section
             UNION
            SELECT root_account_uuid, course_id FROM outcomes.course_with_results) seen
      LEFT JOIN outcomes.course known ON known.root_account_uuid = seen.root_account_uuid AND known.id = seen.course_id
     WHERE EXISTS (SELECT FROM imported) AND seen.course_id IS NOT NULL AND known.workflow_state IS DISTINCT FROM 'deleted'
),
above (root_account_uuid, id, account_id) AS (
    SELECT root_account_uuid, account_id, account_id FROM course
     UNION
    SELECT above.root_account_uuid, above.id, account.parent_account_id
      FROM above
      JOIN outcomes.account ON account.root_account_uuid = above.root_account_uuid AND account.id = above.account_id
     WHERE account.parent_account_id IS NOT NULL
),
reached AS (
    SELECT above.root_account_uuid, above.id AS account_id, imported.sis_batch_id, imported.since
      FROM above
      LEFT JOIN outcomes.account ON account.root_account_uuid = above.root_account_uuid AND account.id = above.account_id
      JOIN imported
        ON imported.root_account_uuid = above.root_account_uuid
       AND (account.id IS NULL OR imported.account_id IS NULL OR imported.account_id = above.account_id)
)
SELECT DISTINCT ON (course.root_account_uuid, course.course_id)
       course.root_account_uuid, course.course_id, reached.since, reached.sis_batch_id
  FROM course
  JOIN reached
    ON reached.root_account_uuid = course.root_account_uuid AND reached.account_id IS NOT DISTINCT FROM course.account_id
 WHERE NOT EXISTS (SELECT
                     FROM outcomes.roster_reading reading
                    WHERE reading.root_account_uuid = course.root_account_uuid AND reading.course_id = course.course_id
                      AND reading.event_time > reached.since)
 ORDER BY course.root_account_uuid, course.course_id, reached.since DESC, reached.sis_batch_id DESC;
COMMENT ON VIEW outcomes.roster_due IS
    'Courses whose rosters a SIS import may have changed without events (lib/sis/enrollment_importer.rb): courses that are, or may be, below '
    'the account of an import that is over, however it ended, whose rosters REST has not told since. outcomes backfill --rosters --due reads '
    'them.';
COMMENT ON COLUMN outcomes.roster_due.root_account_uuid IS 'Tenant.';
COMMENT ON COLUMN outcomes.roster_due.course_id IS 'Local id of the course.';
COMMENT ON COLUMN outcomes.roster_due.since IS 'When the newest such import was over.';
COMMENT ON COLUMN outcomes.roster_due.sis_batch_id IS 'That import.';
GRANT SELECT ON outcomes.roster_due TO outcomes_writer, outcomes_reader;
