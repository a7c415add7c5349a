CREATE OR REPLACE FUNCTION outcomes_internal.erase_rows(
    name text, versioned boolean, condition text, tenant text, users bigint[], uuids text[], enrollments bigint[],
    submissions bigint[], assessments bigint[])
RETURNS TABLE (place text, entries bigint) LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    columns text := (SELECT string_agg(format('v.%I', attname), ', ' ORDER BY attnum) FROM pg_attribute
                      WHERE attrelid = format('outcomes.%I', name)::regclass AND attnum > 0 AND NOT attisdropped);
    ids bigint[];
    parts jsonb;
    unknown bigint;
    went bigint;
    stayed bigint;
    part text;
BEGIN
    IF NOT versioned THEN
        EXECUTE format('DELETE FROM outcomes.%I v WHERE v.root_account_uuid = $1 AND (%s)', name, condition)
          USING tenant, users, uuids, enrollments, submissions, assessments;
        GET DIAGNOSTICS went = ROW_COUNT;
        RETURN QUERY SELECT name, went;
        RETURN;
    END IF;

    EXECUTE format($sql$
        WITH gone AS (
            DELETE FROM outcomes.%1$I v WHERE v.root_account_uuid = $1 AND (%2$s)
            RETURNING v.tableoid AS part, v.id, v.event_time, v.version_hash, v.source, v.partition
        ),
        unknown AS (
            DELETE FROM outcomes.unknown_value u
             USING gone g
             WHERE u.root_account_uuid = $1 AND u.table_name = %3$L AND u.id = g.id AND u.event_time = g.event_time
               AND u.version_hash = g.version_hash
            RETURNING 1
        ),
        booked AS (
            UPDATE outcomes.stream_position p
               SET applied = p.applied - least(p.applied, b.events), superseded = p.superseded - greatest(0, b.events - p.applied),
                   erased = p.erased + b.events, updated_at = now()
              FROM (SELECT g.source, g.partition, count(*) AS events FROM gone g GROUP BY g.source, g.partition) b
             WHERE p.source = b.source AND p.partition = b.partition
        )
        SELECT ARRAY(SELECT DISTINCT g.id FROM gone g),
               (SELECT jsonb_object_agg(n.name, n.versions)
                  FROM (SELECT c.relname AS name, count(*) AS versions FROM gone g JOIN pg_class c ON c.oid = g.part GROUP BY c.relname) n),
               (SELECT count(*) FROM unknown)
    $sql$, name || '_version', condition, name)
       INTO ids, parts, unknown USING tenant, users, uuids, enrollments, submissions, assessments;

    EXECUTE format('DELETE FROM outcomes.%I v WHERE v.root_account_uuid = $1 AND v.id = ANY ($2)', name) USING tenant, ids;
    GET DIAGNOSTICS went = ROW_COUNT;
    EXECUTE format($sql$
        INSERT INTO outcomes.%1$I
        SELECT DISTINCT ON (v.id) %2$s
          FROM outcomes.%3$I v
         WHERE v.root_account_uuid = $1 AND v.id = ANY ($2)
         ORDER BY v.id, v.event_time DESC, v.event_name DESC, v.updated_at DESC NULLS LAST, v.version_hash DESC
    $sql$, name, columns, name || '_version') USING tenant, ids;
    GET DIAGNOSTICS stayed = ROW_COUNT;
    RETURN QUERY
    SELECT name, went - stayed
     UNION ALL
    SELECT p.key, p.value::bigint FROM jsonb_each_text(coalesce(parts, '{}')) p
     UNION ALL
    SELECT 'unknown_value', unknown WHERE unknown > 0;

    -- What `outcomes retain` has detached. The books count those versions as retired, and go on doing so.
    FOR part IN SELECT c.relname
                  FROM pg_class c
                 WHERE c.relnamespace = 'outcomes'::regnamespace AND c.relkind = 'r' AND NOT c.relispartition
                   AND c.relname ~ ('^' || name || '_version_(y|before_|retired_)\d+$') LOOP
        EXECUTE format('DELETE FROM outcomes.%I v WHERE v.root_account_uuid = $1 AND (%s)', part, condition)
          USING tenant, users, uuids, enrollments, submissions, assessments;
        GET DIAGNOSTICS went = ROW_COUNT;
        RETURN QUERY SELECT part, went;
    END LOOP;
END
$$;
COMMENT ON FUNCTION outcomes_internal.erase_rows IS
    'Takes the rows of suppressed people out of a table, its versions and their unknown members, and out of tables that retain has '
    'detached. The newest state that is left becomes the current row. Called by suppress, which holds the lock.';
REVOKE EXECUTE ON FUNCTION outcomes_internal.erase_rows FROM PUBLIC;
