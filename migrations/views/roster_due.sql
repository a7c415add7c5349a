CREATE OR REPLACE VIEW outcomes.roster_due AS
WITH RECURSIVE imported AS (
    SELECT DISTINCT ON (root_account_uuid, account_id) root_account_uuid, account_id, id AS sis_batch_id, event_time AS since
      FROM outcomes.sis_batch
     WHERE workflow_state IN ('imported', 'imported_with_messages')
     ORDER BY root_account_uuid, account_id, event_time DESC, id DESC
),
reached AS (
    SELECT root_account_uuid, account_id, sis_batch_id, since
      FROM imported
     UNION
    SELECT below.root_account_uuid, below.id, reached.sis_batch_id, reached.since
      FROM reached
      JOIN outcomes.account below
        ON below.root_account_uuid = reached.root_account_uuid AND below.parent_account_id = reached.account_id
)
SELECT DISTINCT ON (course.root_account_uuid, course.id)
       course.root_account_uuid, course.id AS course_id, reached.since, reached.sis_batch_id
  FROM reached
  JOIN outcomes.course ON course.root_account_uuid = reached.root_account_uuid AND course.account_id = reached.account_id
 WHERE course.workflow_state <> 'deleted'
   AND NOT EXISTS (SELECT
                     FROM outcomes.roster_reading reading
                    WHERE reading.root_account_uuid = course.root_account_uuid AND reading.course_id = course.id
                      AND reading.event_time > reached.since)
 ORDER BY course.root_account_uuid, course.id, reached.since DESC, reached.sis_batch_id DESC;
COMMENT ON VIEW outcomes.roster_due IS
    'Courses whose rosters a SIS import may have changed without events (lib/sis/enrollment_importer.rb): courses below the account of an '
    'import that is done, whose rosters REST has not told since. outcomes backfill --rosters --due reads them.';
COMMENT ON COLUMN outcomes.roster_due.root_account_uuid IS 'Tenant.';
COMMENT ON COLUMN outcomes.roster_due.course_id IS 'Local id of the course.';
COMMENT ON COLUMN outcomes.roster_due.since IS 'When the newest such import was done.';
COMMENT ON COLUMN outcomes.roster_due.sis_batch_id IS 'That import.';
GRANT SELECT ON outcomes.roster_due TO outcomes_writer, outcomes_reader;
