-- As the owner: a writer deletes no version of its own accord, only those of whom it suppresses. The lock keeps all other writers out.
CREATE OR REPLACE FUNCTION outcomes_internal.suppress(
    tenant text, given_users bigint[], given_uuids text[], given_enrollments bigint[], given_submissions bigint[], given_assessments bigint[])
RETURNS TABLE (place text, entries bigint) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    users bigint[];
    uuids text[];
    names text[];
    enrollments bigint[] := given_enrollments;
    submissions bigint[] := given_submissions;
    assessments bigint[] := given_assessments;
    held record;
    went bigint;
BEGIN
    PERFORM outcomes_internal.look_at_suppressions(true);
    SELECT k.users, k.uuids INTO users, uuids FROM outcomes_internal.person_keys(tenant, given_users, given_uuids, false) k;
    IF cardinality(users) + cardinality(uuids) > 0 THEN
        names := uuids || ARRAY(SELECT 'id:' || u FROM unnest(users) u);
        enrollments := enrollments || ARRAY(
            SELECT e.id
              FROM outcomes.enrollment_version e
             WHERE e.root_account_uuid = tenant
               AND (e.user_id = ANY (users) OR e.user_uuid = ANY (uuids) OR e.associated_user_id = ANY (users)));
        submissions := submissions || ARRAY(
            SELECT s.id FROM outcomes.submission_version s WHERE s.root_account_uuid = tenant AND s.user_id = ANY (users));
        FOR held IN SELECT DISTINCT r.artifact_type, r.artifact_id
                      FROM outcomes.learning_outcome_result_version r
                     WHERE r.root_account_uuid = tenant AND r.user_uuid = ANY (names) AND r.artifact_id IS NOT NULL LOOP
            IF held.artifact_type = 'Submission' THEN
                submissions := submissions || held.artifact_id;
            ELSIF held.artifact_type = 'RubricAssessment' THEN
                assessments := assessments || held.artifact_id;
            END IF;
        END LOOP;
    END IF;

    INSERT INTO outcomes.suppression (root_account_uuid, kind, digest)
    SELECT DISTINCT tenant, named.kind, outcomes_internal.person_digest(k.inner_pad, k.outer_pad, tenant, named.kind, named.value)
      FROM outcomes_internal.erasure_key k
     CROSS JOIN (SELECT 'user', unnest(users)::text
                  UNION ALL SELECT 'uuid', unnest(uuids)
                  UNION ALL SELECT 'enrollment', unnest(enrollments)::text
                  UNION ALL SELECT 'submission', unnest(submissions)::text
                  UNION ALL SELECT 'rubric_assessment', unnest(assessments)::text) named (kind, value)
        ON CONFLICT DO NOTHING;

    FOR held IN SELECT c.table_name AS name, string_agg(c.condition, ' OR ') AS condition,
                       to_regclass(format('outcomes.%I', c.table_name || '_version')) IS NOT NULL AS versioned
                  FROM outcomes_internal.person_column() c
                 WHERE CASE c.kind WHEN 'user' THEN cardinality(users) WHEN 'uuid' THEN cardinality(uuids)
                                   WHEN 'enrollment' THEN cardinality(enrollments) WHEN 'submission' THEN cardinality(submissions)
                                   ELSE cardinality(assessments) END > 0
                 GROUP BY c.table_name
                 ORDER BY c.table_name COLLATE "C" LOOP
        RETURN QUERY
        SELECT * FROM outcomes_internal.erase_rows(
               held.name, held.versioned, held.condition, tenant, users, uuids, enrollments, submissions, assessments);
    END LOOP;

    -- Versions of anything that came of a request on the person's own pages stay, without that.
    FOR held IN SELECT c.relname AS name
                  FROM pg_class c
                  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'metadata'
                 WHERE cardinality(users) > 0 AND c.relnamespace = 'outcomes'::regnamespace AND c.relkind IN ('r', 'p')
                   AND NOT c.relispartition
                 ORDER BY c.relname COLLATE "C" LOOP
        EXECUTE format(
            'UPDATE outcomes.%I v SET metadata = NULL WHERE v.root_account_uuid = $1 AND v.metadata ->> ''context_type'' = ''User'' '
            'AND outcomes_internal.local_id(v.metadata ->> ''context_id'') = ANY ($2)', held.name) USING tenant, users;
        GET DIAGNOSTICS went = ROW_COUNT;
        RETURN QUERY SELECT held.name || ': request context', went WHERE went > 0;
    END LOOP;
END
$$;
COMMENT ON FUNCTION outcomes_internal.suppress IS
    'Suppresses people and takes them out of all tables: given keys, those that belong to them, and what hangs on them. Returns how many '
    'rows went, by table and partition. The books count their events as erased.';
REVOKE EXECUTE ON FUNCTION outcomes_internal.suppress FROM PUBLIC;
GRANT EXECUTE ON FUNCTION outcomes_internal.suppress TO outcomes_writer;
