-- Version tables that grow with the students, in partitions by year: what an event costs, and what vacuum costs, then depends on
-- the year and not on all the history before it; and old history can be let go by detaching it (`outcomes retain`).
--
-- learning_outcome_result_version and rubric_assessment_version become partitioned tables with the same columns, names, rights and
-- views. A partition is a calendar year in UTC (<table>_y2026). <table>_default takes what no other partition does, so that no
-- insert fails for want of one; `make_version_partitions` moves its rows where they belong. A table that holds rows already is
-- kept as it is, as the partition <table>_before_<year>: no row is copied, no index built. 0005_partitioned_versions.before.sql
-- has proved with a CHECK that it holds nothing of that year or later, so nothing is read either: what needs the tables for itself
-- here takes milliseconds. Where somebody's long transaction keeps them, this gives up at once and is tried again, instead of
-- letting everybody queue behind it. A running worker notices nothing: its statements are the same.

SET LOCAL lock_timeout = '800ms'; -- below deadlock_timeout: this one gives way, not the others


CREATE FUNCTION outcomes.version_index_name(name text, model text, target text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT left(CASE WHEN starts_with(name, model) THEN target || substr(name, length(model) + 1)
                     WHEN starts_with(name, split_part(model, '_version', 1) || '_')
                     THEN target || substr(name, length(split_part(model, '_version', 1)) + 1)
                     ELSE target || '_' || name END, 63)
$$;
COMMENT ON FUNCTION outcomes.version_index_name IS
    'How the index of a version table is called on another one, a partition for instance.';

CREATE FUNCTION outcomes.copy_version_indexes(model regclass, target regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    model_name text := (SELECT relname FROM pg_class WHERE oid = model);
    target_name text := (SELECT relname FROM pg_class WHERE oid = target);
    held record;
BEGIN
    FOR held IN
        SELECT outcomes.version_index_name(c.relname, model_name, target_name) AS name, i.indisunique, k.oid AS key,
               substring(pg_get_indexdef(i.indexrelid) FROM ' (USING .*)$') AS definition
          FROM pg_index i
          JOIN pg_class c ON c.oid = i.indexrelid
          LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.conrelid = model AND k.contype IN ('p', 'u')
         WHERE i.indrelid = model AND i.indisvalid
         ORDER BY k.oid IS NULL, c.relname
    LOOP
        IF held.key IS NOT NULL THEN
            EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I %s', target, held.name, pg_get_constraintdef(held.key));
        ELSE
            EXECUTE format('CREATE %s INDEX %I ON %s %s', CASE WHEN held.indisunique THEN 'UNIQUE' END, held.name, target, held.definition);
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION outcomes.copy_version_indexes IS
    'Gives a table the primary key and the indexes of another one, named after it. For partitions: what is there already when one is attached need not be built then.';


CREATE FUNCTION outcomes.rename_version_partition(name text, new_name text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    held record;
BEGIN
    FOR held IN SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
                 WHERE i.indrelid = format('outcomes.%I', name)::regclass LOOP
        EXECUTE format('ALTER INDEX outcomes.%I RENAME TO %I', held.relname, outcomes.version_index_name(held.relname, name, new_name));
    END LOOP;
    EXECUTE format('ALTER TABLE outcomes.%I RENAME TO %I', name, new_name);
END
$$;
COMMENT ON FUNCTION outcomes.rename_version_partition IS 'Gives a version table, or a partition of one, another name, and its indexes with it.';


CREATE FUNCTION outcomes.new_version_partition(parent regclass, name text, meaning text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format('CREATE TABLE outcomes.%I (LIKE %s INCLUDING ALL EXCLUDING INDEXES)', name, parent);
    EXECUTE format('COMMENT ON TABLE outcomes.%I IS %L', name, meaning);
    EXECUTE format('GRANT SELECT ON outcomes.%I TO outcomes_writer, outcomes_reader', name);
    PERFORM outcomes.tune_version_partition(format('outcomes.%I', name)::regclass);
END
$$;
COMMENT ON FUNCTION outcomes.new_version_partition IS
    'A table that can become a partition of a version table: its columns, rights and settings, without its indexes.';


-- Rows of a version table are added and never change, so there is nothing to clean up: vacuum is for freezing and for the
-- visibility map, analyze for the planner.
--   vacuum_insert_scale_factor  0.05 and not 0.2: a year that has 100 million rows is visited every 5 million, three minutes at
--                               30,000 events/s, and each visit is short: it reads only what is new.
--   freeze_min_age              0: a row is frozen at that first visit, while it is still in memory, and never read for that again.
--                               What a year costs is over with the year.
--   analyze_scale_factor        0.02 and not 0.1: the newest event_time moves all the time, and plans should know it.
CREATE FUNCTION outcomes.tune_version_partition(partition regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s SET (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_vacuum_insert_threshold = 50000, '
                   'autovacuum_freeze_min_age = 0, autovacuum_analyze_scale_factor = 0.02)', partition);
END
$$;
COMMENT ON FUNCTION outcomes.tune_version_partition IS
    'Sets autovacuum for a table whose rows are added and never change, however large it gets.';

-- Current rows are replaced: at 30,000 events/s up to 30,000 dead rows a second. Most are taken away by the next who reads the
-- page (fillfactor 85 leaves room for that); vacuum has to keep up with the rest.
--   vacuum_scale_factor         0.02 and not 0.2, and a threshold of 20,000 rows: dead rows stay below 2 %, however large the table.
--   vacuum_cost_limit           2000 and not 200: ten times the pages a second; with the default, vacuum is slower than the writers.
--   analyze_scale_factor        0.05 and not 0.1, with the same reason as above.
ALTER TABLE outcomes.learning_outcome_result SET (
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_cost_limit = 2000,
    autovacuum_analyze_scale_factor = 0.05);
ALTER TABLE outcomes.rubric_assessment SET (
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_cost_limit = 2000,
    autovacuum_analyze_scale_factor = 0.05);


DO $swap$
DECLARE
    parents text[] := ARRAY['learning_outcome_result_version', 'rubric_assessment_version'];
    parent text;
    kept text;
    partition_until text;
    owner text;
    meaning text;
    stranger text;
    held record;
    -- Views are bound to the table itself and not to its name: they are made once more, from their own text, on the new one.
    views text[];
    definitions text[];
    indexes text[];
    path text := current_setting('search_path');
BEGIN
    PERFORM set_config('search_path', 'pg_catalog', true); -- so that what Postgres prints is qualified
    SELECT string_agg(pg_describe_object(d.classid, d.objid, 0), ', ') INTO stranger
      FROM (SELECT 'pg_class'::regclass AS classid, r.ev_class AS objid
              FROM pg_depend d
              JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
              JOIN pg_class c ON c.oid = r.ev_class
             WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = ANY (SELECT format('outcomes.%I', p)::regclass FROM unnest(parents) p)
               AND c.relkind <> 'v' AND NOT r.ev_class = d.refobjid
             UNION
            SELECT d.classid, d.objid
              FROM pg_depend d
             WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = ANY (SELECT format('outcomes.%I', p)::regclass FROM unnest(parents) p)
               AND (d.classid IN ('pg_proc'::regclass, 'pg_policy'::regclass)
                    OR d.classid = 'pg_trigger'::regclass AND NOT (SELECT t.tgisinternal FROM pg_trigger t WHERE t.oid = d.objid))
             UNION
            SELECT 'pg_class'::regclass, c.oid
              FROM pg_class c
             WHERE c.oid = ANY (SELECT format('outcomes.%I', p)::regclass FROM unnest(parents) p) AND c.relrowsecurity) d;
    IF stranger IS NOT NULL THEN
        RAISE EXCEPTION 'this is bound to a version table that becomes a partitioned one: %', stranger
              USING HINT = 'Drop it, migrate, and make it again.', ERRCODE = 'dependent_objects_still_exist';
    END IF;
    SELECT array_agg(c.oid::regclass::text ORDER BY c.oid),
           array_agg(format('CREATE OR REPLACE VIEW %s %s AS %s', c.oid::regclass,
                            CASE WHEN c.reloptions IS NOT NULL THEN format('WITH (%s)', array_to_string(c.reloptions, ', ')) END,
                            pg_get_viewdef(c.oid)) ORDER BY c.oid)
      INTO views, definitions
      FROM pg_class c
     WHERE c.relkind = 'v'
       AND c.oid IN (SELECT r.ev_class
                       FROM pg_depend d
                       JOIN pg_rewrite r ON r.oid = d.objid
                      WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass
                        AND d.refobjid = ANY (SELECT format('outcomes.%I', p)::regclass FROM unnest(parents) p));

    -- The views first, as who reads them does; in the order of the writer, then. This says of each what is true already.
    FOR held IN SELECT c.oid::regclass AS view, pg_get_userbyid(c.relowner) AS owner
                  FROM unnest(views) v JOIN pg_class c ON c.oid = v::regclass ORDER BY c.oid LOOP
        EXECUTE format('ALTER VIEW %s OWNER TO %I', held.view, held.owner);
    END LOOP;
    LOCK TABLE outcomes.learning_outcome_result_version, outcomes.rubric_assessment_version IN ACCESS EXCLUSIVE MODE;

    FOREACH parent IN ARRAY parents LOOP
        SELECT pg_get_userbyid(c.relowner), obj_description(c.oid, 'pg_class') INTO owner, meaning
          FROM pg_class c WHERE c.oid = format('outcomes.%I', parent)::regclass;
        EXECUTE format('SELECT EXISTS (SELECT FROM outcomes.%I) AS filled', parent) INTO held;
        kept := NULL;
        IF held.filled THEN
            SELECT conname, substring(conname FROM '[0-9]{4}$') INTO kept, partition_until
              FROM pg_constraint
             WHERE conrelid = format('outcomes.%I', parent)::regclass AND contype = 'c' AND convalidated
               AND conname LIKE parent || '\_before\_%';
            IF kept IS NULL THEN
                RAISE EXCEPTION 'the first rows of % came just now', parent USING ERRCODE = 'lock_not_available'; -- tried again
            END IF;
        END IF;
        kept := coalesce(kept, parent || '_empty');

        -- What is there makes room for the names of the parent.
        SELECT array_agg(c.relname::text) INTO indexes
          FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
         WHERE i.indrelid = format('outcomes.%I', parent)::regclass;
        PERFORM outcomes.rename_version_partition(parent, kept);

        EXECUTE format('CREATE TABLE outcomes.%I (LIKE outcomes.%I INCLUDING ALL EXCLUDING INDEXES EXCLUDING CONSTRAINTS) '
                       'PARTITION BY RANGE (event_time)', parent, kept);
        EXECUTE format('ALTER TABLE outcomes.%I OWNER TO %I', parent, owner);
        EXECUTE format('COMMENT ON TABLE outcomes.%I IS %L', parent, meaning || ' In partitions by the year of event_time.');
        FOR held IN SELECT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END AS grantee,
                           string_agg(a.privilege_type, ', ') AS privileges, a.is_grantable
                      FROM pg_class c, aclexplode(c.relacl) a
                     WHERE c.oid = format('outcomes.%I', kept)::regclass AND a.grantee <> c.relowner
                     GROUP BY a.grantee, a.is_grantable LOOP
            EXECUTE format('GRANT %s ON outcomes.%I TO %s %s', held.privileges, parent, held.grantee,
                           CASE WHEN held.is_grantable THEN 'WITH GRANT OPTION' END);
        END LOOP;
        PERFORM outcomes.copy_version_indexes(format('outcomes.%I', kept)::regclass, format('outcomes.%I', parent)::regclass);
        FOR held IN SELECT outcomes.version_index_name(outcomes.version_index_name(i, parent, kept), kept, parent) AS made, i AS name
                      FROM unnest(indexes) i LOOP
            IF held.made <> held.name THEN
                EXECUTE format('ALTER INDEX outcomes.%I RENAME TO %I', held.made, held.name);
            END IF;
        END LOOP;

        IF kept <> parent || '_empty' THEN
            EXECUTE format('ALTER TABLE outcomes.%I ATTACH PARTITION outcomes.%I FOR VALUES FROM (MINVALUE) TO (%L)',
                           parent, kept, make_timestamptz(partition_until::integer, 1, 1, 0, 0, 0, 'UTC'));
            EXECUTE format('ALTER TABLE outcomes.%I DROP CONSTRAINT %I', kept, kept);
            EXECUTE format('COMMENT ON TABLE outcomes.%I IS %L', kept, format('Versions before %s.', partition_until));
            PERFORM outcomes.tune_version_partition(format('outcomes.%I', kept)::regclass);
        END IF;
        PERFORM outcomes.new_version_partition(format('outcomes.%I', parent)::regclass, parent || '_default',
            'Versions of years that have no partition of their own; normally empty.');
        PERFORM outcomes.copy_version_indexes(format('outcomes.%I', parent)::regclass, format('outcomes.%I', parent || '_default')::regclass);
        EXECUTE format('ALTER TABLE outcomes.%I OWNER TO %I', parent || '_default', owner);
        EXECUTE format('ALTER TABLE outcomes.%I ATTACH PARTITION outcomes.%I DEFAULT', parent, parent || '_default');
    END LOOP;

    FOR held IN SELECT definition FROM unnest(definitions) definition LOOP
        EXECUTE held.definition;
    END LOOP;
    FOREACH parent IN ARRAY parents LOOP
        EXECUTE format('DROP TABLE IF EXISTS outcomes.%I', parent || '_empty');
    END LOOP;
    PERFORM set_config('search_path', path, true);
END
$swap$;


CREATE FUNCTION outcomes.make_version_partitions(years integer[]) RETURNS integer[]
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC' SET lock_timeout = '500ms' AS $$
DECLARE
    settled integer[] := '{}';
    asked integer;
    parent text;
BEGIN
    FOR asked IN SELECT DISTINCT y FROM unnest(years) y WHERE y IS NOT NULL ORDER BY y LOOP
        BEGIN
            FOREACH parent IN ARRAY ARRAY['learning_outcome_result_version', 'rubric_assessment_version'] LOOP
                CONTINUE WHEN asked NOT BETWEEN 2010 AND extract(year FROM now()) + 1 OR outcomes.has_version_partition(parent, asked);
                PERFORM pg_advisory_xact_lock(hashtextextended('outcomes.version_partitions', 0));
                CONTINUE WHEN outcomes.has_version_partition(parent, asked); -- somebody else has made it meanwhile
                PERFORM outcomes.new_version_partition(format('outcomes.%I', parent)::regclass, format('%s_y%s', parent, asked),
                                                       format('Versions of the year %s (UTC).', asked));
                PERFORM outcomes.copy_version_indexes(format('outcomes.%I', parent)::regclass,
                                                      format('outcomes.%I', format('%s_y%s', parent, asked))::regclass);
                EXECUTE format('LOCK TABLE ONLY outcomes.%I IN SHARE UPDATE EXCLUSIVE MODE', parent);
                EXECUTE format('LOCK TABLE outcomes.%I IN ACCESS EXCLUSIVE MODE', parent || '_default');
                EXECUTE format(
                    'WITH moved AS (DELETE FROM outcomes.%1$I WHERE event_time >= %3$L AND event_time < %4$L RETURNING *) '
                    'INSERT INTO outcomes.%2$I SELECT * FROM moved',
                    parent || '_default', format('%s_y%s', parent, asked), make_timestamptz(asked, 1, 1, 0, 0, 0),
                    make_timestamptz(asked + 1, 1, 1, 0, 0, 0));
                EXECUTE format('ALTER TABLE outcomes.%I ATTACH PARTITION outcomes.%I FOR VALUES FROM (%L) TO (%L)',
                    parent, format('%s_y%s', parent, asked), make_timestamptz(asked, 1, 1, 0, 0, 0),
                    make_timestamptz(asked + 1, 1, 1, 0, 0, 0));
            END LOOP;
            settled := settled || asked;
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            NULL; -- somebody reads for long: another time
        END;
    END LOOP;
    RETURN settled;
END
$$;
COMMENT ON FUNCTION outcomes.make_version_partitions IS
    'Makes the partitions of these years for both partitioned version tables, where they are missing, and moves their rows there from the default partition. Returns the years that need no further asking; the others could not have their locks within half a second, so ask again later. Years before 2010 and after the next one stay in the default partition. To be called outside of a transaction.';

CREATE FUNCTION outcomes.has_version_partition(parent text, year integer) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (
        SELECT
          FROM pg_inherits i
          JOIN pg_class c ON c.oid = i.inhrelid
         WHERE i.inhparent = format('outcomes.%I', parent)::regclass
           AND (c.relname = format('%s_y%s', parent, year)
                OR c.relname LIKE parent || '\_before\_%' AND substring(c.relname FROM '[0-9]{4}$')::integer > year))
$$;
COMMENT ON FUNCTION outcomes.has_version_partition IS
    'Whether a partition other than the default one takes the versions of a year.';

REVOKE EXECUTE ON FUNCTION outcomes.copy_version_indexes, outcomes.rename_version_partition, outcomes.new_version_partition,
                           outcomes.tune_version_partition, outcomes.make_version_partitions
  FROM PUBLIC;
GRANT EXECUTE ON FUNCTION outcomes.make_version_partitions TO outcomes_writer;


CREATE TABLE outcomes.retired_version (
    table_name text COLLATE "C" NOT NULL,
    source text COLLATE "C" NOT NULL,
    partition integer NOT NULL,
    until timestamptz NOT NULL,
    versions bigint NOT NULL,
    known_from timestamptz NOT NULL,
    retired_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT retired_version_one_row_per_partition_and_moment PRIMARY KEY (table_name, source, partition, until)
);

COMMENT ON TABLE outcomes.retired_version IS
    'How many versions `outcomes retain` has taken out of a version table, by where they came from: they stay in the books.';
COMMENT ON COLUMN outcomes.retired_version.table_name IS 'The version table.';
COMMENT ON COLUMN outcomes.retired_version.source IS 'The topic; for a file file: and the digest of its bytes.';
COMMENT ON COLUMN outcomes.retired_version.partition IS 'Kafka partition; 0 for a file.';
COMMENT ON COLUMN outcomes.retired_version.until IS 'Their event_time is before this; from here on history is whole.';
COMMENT ON COLUMN outcomes.retired_version.versions IS 'How many.';
COMMENT ON COLUMN outcomes.retired_version.known_from IS
    'When the last of those was recorded that stand for them: what was known before this can no longer be told.';
COMMENT ON COLUMN outcomes.retired_version.retired_at IS 'When the last of them were taken out.';

GRANT SELECT ON outcomes.retired_version TO outcomes_writer, outcomes_reader;

CREATE FUNCTION outcomes.history_begins() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT max(until) FROM outcomes.retired_version
$$;
COMMENT ON FUNCTION outcomes.history_begins IS
    'From when on every moment can be asked for; null where nothing was retired. Before it, functions and views answer from what is left, which is not what was true.';

CREATE FUNCTION outcomes.known_at_begins() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT max(known_from) FROM outcomes.retired_version
$$;
COMMENT ON FUNCTION outcomes.known_at_begins IS
    'From when on known_at can be asked for; null where nothing was retired.';


-- As in 0004, but for a history that was retired: what happened before it begins is one moment, the state it begins with.
CREATE OR REPLACE FUNCTION outcomes.mastery_timeline(root_account_uuid text, course_id bigint, user_uuid text, learning_outcome_id bigint)
RETURNS TABLE (at timestamptz, score numeric, mastery boolean, rating text, color text, calculation_method text, calculation_int integer,
               points_possible double precision, mastery_points double precision, results bigint, cause text, caused_by jsonb)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10
SET plan_cache_mode = force_generic_plan SET max_parallel_workers_per_gather = 0 AS $$
#variable_conflict use_column
DECLARE
    begins timestamptz := outcomes.history_begins();
    moment record;
    setting record;
    found record;
    before record;
    heard boolean := false;
    seen boolean := false;
    settled boolean := false;
BEGIN
    FOR moment IN
        SELECT greatest(m.at, begins) AS at,
               string_agg(DISTINCT CASE WHEN m.at < begins THEN 'history begins' ELSE m.cause END, ', ') AS cause,
               coalesce(jsonb_agg(DISTINCT jsonb_build_object('cause', m.cause, 'table', m.table_name, 'id', m.id))
                            FILTER (WHERE (m.at < begins) IS NOT TRUE), '[]') AS caused_by,
               bool_or(m.table_name IS NOT DISTINCT FROM 'learning_outcome_result') AS tells_results,
               -- Scale and method come from the tree, the scales and the methods; nothing else moves them.
               bool_and(m.table_name IS NOT NULL AND m.table_name IN ('learning_outcome_result', 'rubric_assessment', 'learning_outcome',
                                                                      'learning_outcome_link')) AS leaves_setting
          FROM outcomes.rollup_moment($1, $2, $3, $4) m
         GROUP BY greatest(m.at, begins)
         ORDER BY greatest(m.at, begins)
    LOOP
        heard := heard OR moment.tells_results;
        settled := settled AND moment.leaves_setting;
        CONTINUE WHEN NOT heard; -- no result, no score
        IF NOT settled THEN
            SELECT * INTO setting FROM outcomes.mastery_setting($1, 'Course', $2, moment.at);
            settled := true;
        END IF;
        SELECT r.score, r.mastery, r.rating, r.color, r.calculation_method, r.calculation_int, r.points_possible, r.mastery_points, r.results
          INTO found
          FROM outcomes.student_rollup_with(
               $1, $2, $3, $4, moment.at, NULL, setting.outcome_proficiency_ratings, setting.outcome_calculation_method_id IS NOT NULL,
               setting.calculation_method, setting.calculation_int) r;
        IF NOT seen AND found.score IS NULL OR seen AND found IS NOT DISTINCT FROM before THEN
            CONTINUE;
        END IF;
        seen := true;
        before := found;
        at := moment.at;
        score := found.score;
        mastery := found.mastery;
        rating := found.rating;
        color := found.color;
        calculation_method := found.calculation_method;
        calculation_int := found.calculation_int;
        points_possible := found.points_possible;
        mastery_points := found.mastery_points;
        results := found.results;
        cause := moment.cause;
        caused_by := moment.caused_by;
        RETURN NEXT;
    END LOOP;
END
$$;
