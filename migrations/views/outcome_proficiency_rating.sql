CREATE OR REPLACE VIEW outcomes.outcome_proficiency_rating AS
SELECT scale.root_account_uuid,
       scale.id AS outcome_proficiency_id,
       scale.context_type,
       scale.context_id,
       rating.ordinality::integer AS level,
       (rating.value ->> 'outcome_proficiency_rating_id')::bigint AS outcome_proficiency_rating_id,
       rating.value ->> 'description' AS description,
       (rating.value ->> 'points')::double precision AS points,
       (rating.value ->> 'mastery')::boolean AS mastery,
       rating.value ->> 'color' AS color,
       coalesce(rating.value ->> 'workflow_state', scale.workflow_state) AS workflow_state
  FROM outcomes.outcome_proficiency scale
 CROSS JOIN LATERAL jsonb_array_elements(scale.outcome_proficiency_ratings) WITH ORDINALITY AS rating;
COMMENT ON VIEW outcomes.outcome_proficiency_rating IS 'The ratings of today''s mastery scales, a row each.';
COMMENT ON COLUMN outcomes.outcome_proficiency_rating.root_account_uuid IS 'Tenant of the scale.';
COMMENT ON COLUMN outcomes.outcome_proficiency_rating.outcome_proficiency_id IS 'The scale: outcome_proficiency.id.';
COMMENT ON COLUMN outcomes.outcome_proficiency_rating.context_type IS 'Account or Course that owns the scale.';
COMMENT ON COLUMN outcomes.outcome_proficiency_rating.context_id IS 'Local id of the owner.';
COMMENT ON COLUMN outcomes.outcome_proficiency_rating.level IS 'Place in the scale, 1 is the highest.';
COMMENT ON COLUMN outcomes.outcome_proficiency_rating.outcome_proficiency_rating_id IS
    'Canvas'' id of the rating; reused by place when the scale is edited.';
COMMENT ON COLUMN outcomes.outcome_proficiency_rating.description IS 'Name of the level.';
COMMENT ON COLUMN outcomes.outcome_proficiency_rating.points IS 'Points from which a score is in this level.';
COMMENT ON COLUMN outcomes.outcome_proficiency_rating.mastery IS 'Whether mastery starts here; one level of a scale has it.';
COMMENT ON COLUMN outcomes.outcome_proficiency_rating.color IS 'Six hex digits without #.';
COMMENT ON COLUMN outcomes.outcome_proficiency_rating.workflow_state IS 'active, or deleted together with the scale.';
GRANT SELECT ON outcomes.outcome_proficiency_rating TO outcomes_writer, outcomes_reader;
