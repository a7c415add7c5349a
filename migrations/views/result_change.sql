-- The state before is looked up for each version: so a question for one course or month reads no more than that.
CREATE OR REPLACE VIEW outcomes.result_change AS
SELECT now.root_account_uuid, now.id, now.event_time, before.event_time AS before_since, now.event_name,
       before.user_uuid AS user_uuid_before, now.user_uuid,
       before.result_context_id AS course_id_before, now.result_context_id AS course_id,
       before.learning_outcome_id AS learning_outcome_id_before, now.learning_outcome_id,
       before.score AS score_before, now.score, before.possible AS possible_before, now.possible,
       before.percent AS percent_before, now.percent, before.mastery AS mastery_before, now.mastery,
       before.workflow_state AS workflow_state_before, now.workflow_state,
       before.attempt AS attempt_before, now.attempt, before.assessed_at AS assessed_at_before, now.assessed_at,
       now.associated_asset_type, now.associated_asset_id, now.recorded_at, now.source, now.partition, now.position
  FROM outcomes.learning_outcome_result_version now
  LEFT JOIN LATERAL (
        SELECT v.*
          FROM outcomes.learning_outcome_result_version v
         WHERE v.root_account_uuid = now.root_account_uuid AND v.id = now.id AND v.event_time <= now.event_time
           AND (v.event_time, v.event_name, coalesce(v.updated_at, '-infinity'), v.version_hash)
             < (now.event_time, now.event_name, coalesce(now.updated_at, '-infinity'), now.version_hash)
         ORDER BY v.event_time DESC, v.event_name DESC, v.updated_at DESC NULLS LAST, v.version_hash DESC
         LIMIT 1) before ON true
 WHERE before.id IS NULL
    OR ROW(before.user_uuid, before.result_context_type, before.result_context_id, before.learning_outcome_id, before.score,
           before.possible, before.percent, before.mastery, before.workflow_state, before.attempt, before.assessed_at)
       IS DISTINCT FROM
       ROW(now.user_uuid, now.result_context_type, now.result_context_id, now.learning_outcome_id, now.score,
           now.possible, now.percent, now.mastery, now.workflow_state, now.attempt, now.assessed_at);
COMMENT ON VIEW outcomes.result_change IS
    'Each change of a result, with what it said before and after, and the event that told it. Events that change none of this are '
    'left out.';
COMMENT ON COLUMN outcomes.result_change.root_account_uuid IS 'Tenant.';
COMMENT ON COLUMN outcomes.result_change.id IS 'The result: learning_outcome_result.id.';
COMMENT ON COLUMN outcomes.result_change.event_time IS 'When it changed: event_time of the event.';
COMMENT ON COLUMN outcomes.result_change.before_since IS 'Since when the state before held; null: this is the first state that was told.';
COMMENT ON COLUMN outcomes.result_change.event_name IS 'Name of the event.';
COMMENT ON COLUMN outcomes.result_change.user_uuid_before IS 'Student before.';
COMMENT ON COLUMN outcomes.result_change.user_uuid IS 'Student after.';
COMMENT ON COLUMN outcomes.result_change.course_id_before IS 'Local id of the course before: result_context_id.';
COMMENT ON COLUMN outcomes.result_change.course_id IS 'Local id of the course after; null where it is unknown.';
COMMENT ON COLUMN outcomes.result_change.learning_outcome_id_before IS 'Outcome before.';
COMMENT ON COLUMN outcomes.result_change.learning_outcome_id IS 'Outcome after.';
COMMENT ON COLUMN outcomes.result_change.score_before IS 'Raw points before.';
COMMENT ON COLUMN outcomes.result_change.score IS 'Raw points after.';
COMMENT ON COLUMN outcomes.result_change.possible_before IS 'Points possible before.';
COMMENT ON COLUMN outcomes.result_change.possible IS 'Points possible after.';
COMMENT ON COLUMN outcomes.result_change.percent_before IS 'Share of the scale before, 1.0 = 100 %.';
COMMENT ON COLUMN outcomes.result_change.percent IS 'Share of the scale after.';
COMMENT ON COLUMN outcomes.result_change.mastery_before IS 'Mastery by the criterion''s threshold before.';
COMMENT ON COLUMN outcomes.result_change.mastery IS 'Mastery by the criterion''s threshold after.';
COMMENT ON COLUMN outcomes.result_change.workflow_state_before IS 'Canvas'' state word before.';
COMMENT ON COLUMN outcomes.result_change.workflow_state IS 'Canvas'' state word after: active, or deleted.';
COMMENT ON COLUMN outcomes.result_change.attempt_before IS 'Attempt before.';
COMMENT ON COLUMN outcomes.result_change.attempt IS 'Attempt after.';
COMMENT ON COLUMN outcomes.result_change.assessed_at_before IS 'Time of the assessment before.';
COMMENT ON COLUMN outcomes.result_change.assessed_at IS 'Time of the assessment after.';
COMMENT ON COLUMN outcomes.result_change.associated_asset_type IS
    'What was assessed: Assignment, Quizzes::Quiz, AssessmentQuestion, LiveAssessments::Assessment.';
COMMENT ON COLUMN outcomes.result_change.associated_asset_id IS 'Its local id.';
COMMENT ON COLUMN outcomes.result_change.recorded_at IS 'When the event was recorded here.';
COMMENT ON COLUMN outcomes.result_change.source IS 'Where the event came from: the topic, or file: and the digest of the file.';
COMMENT ON COLUMN outcomes.result_change.partition IS 'Kafka partition; 0 for a file.';
COMMENT ON COLUMN outcomes.result_change.position IS 'Kafka offset; line or element of a file, from 1.';
GRANT SELECT ON outcomes.result_change TO outcomes_writer, outcomes_reader;
