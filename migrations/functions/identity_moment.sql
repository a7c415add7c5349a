CREATE OR REPLACE FUNCTION outcomes_internal.identity_moment(tenant text, user_ids bigint[], known_at timestamptz)
RETURNS TABLE (user_uuid text, user_id bigint, since timestamptz)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 100
SET plan_cache_mode = force_generic_plan SET max_parallel_workers_per_gather = 0 SET jit = off AS $$
#variable_conflict use_column
DECLARE
    recorded CONSTANT timestamptz := coalesce(known_at, 'infinity');
BEGIN
    IF user_ids IS NULL OR cardinality(user_ids) = 0 THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT i.user_uuid, i.user_id, i.since
      FROM outcomes.user_identity i
     WHERE i.root_account_uuid = tenant AND i.user_id = ANY (user_ids) AND i.recorded_at <= recorded
     UNION
    SELECT u.uuid, u.id, u.event_time
      FROM outcomes.canvas_user_version u
     WHERE u.root_account_uuid = tenant AND u.id = ANY (user_ids) AND u.uuid IS NOT NULL AND u.recorded_at <= recorded
     UNION
    SELECT e.user_uuid, e.user_id, e.event_time
      FROM outcomes.enrollment_version e
     WHERE e.root_account_uuid = tenant AND e.user_id = ANY (user_ids) AND e.user_uuid IS NOT NULL AND e.recorded_at <= recorded;
END
$$;
COMMENT ON FUNCTION outcomes_internal.identity_moment IS
    'All moments at which these users were said to have which uuid. user_identity has the earliest of each pair; the others are needed only '
    'where a uuid has several users, or a user several uuids.';
