-- What a login may do, and what a feed: partitions are made although somebody holds a lock that everybody may hold, the writer changes
-- nothing that is the owner's, and what may be personal says so. The large part of this migration has run before, beside workers.

SET LOCAL lock_timeout = '800ms'; -- this one gives way, not the worker


-- As in 0005, but for what keeps two of them apart: a lock of the version table itself, that nobody can have who may not change
-- it, in place of an advisory one, that any login can hold for ever.
CREATE OR REPLACE FUNCTION outcomes.make_version_partitions(years integer[]) RETURNS integer[]
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
                EXECUTE format('LOCK TABLE ONLY outcomes.%I IN SHARE UPDATE EXCLUSIVE MODE', parent);
                CONTINUE WHEN outcomes.has_version_partition(parent, asked); -- somebody else has made it meanwhile
                PERFORM outcomes.new_version_partition(format('outcomes.%I', parent)::regclass, format('%s_y%s', parent, asked),
                                                       format('Versions of the year %s (UTC).', asked));
                PERFORM outcomes.copy_version_indexes(format('outcomes.%I', parent)::regclass,
                                                      format('outcomes.%I', format('%s_y%s', parent, asked))::regclass);
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


-- The writer does its work, and no more: not the schema's version, no view, no gap once it is told.
REVOKE INSERT, UPDATE ON outcomes.alembic_version FROM outcomes_writer;
REVOKE UPDATE ON outcomes.stream_gap FROM outcomes_writer;
DO $views$
DECLARE
    seen regclass;
BEGIN
    FOR seen IN SELECT oid FROM pg_class WHERE relnamespace = 'outcomes'::regnamespace AND relkind = 'v' LOOP
        EXECUTE format('REVOKE INSERT, UPDATE ON %s FROM outcomes_writer', seen);
    END LOOP;
END
$views$;


COMMENT ON TABLE outcomes.unknown_value IS
    'What members of results said that this version of the projection does not know, a row for each version; kept for a later one that does. For the writer''s and the owner''s eyes.';
COMMENT ON COLUMN outcomes.unknown_value.root_account_uuid IS 'Tenant.';
COMMENT ON COLUMN outcomes.unknown_value.table_name IS 'The table; the version is in <table_name>_version.';
COMMENT ON COLUMN outcomes.unknown_value.id IS 'Id of the object.';
COMMENT ON COLUMN outcomes.unknown_value.event_time IS 'event_time of the version.';
COMMENT ON COLUMN outcomes.unknown_value.version_hash IS 'version_hash of the version, which covers these values.';
COMMENT ON COLUMN outcomes.unknown_value.members IS 'Name -> value. Personal: it may say who somebody is.';
COMMENT ON FUNCTION outcomes.keep_unknown_values IS
    'Trigger of tables whose rows are about a person: takes the values of unknown members out of a row, and those of a version into unknown_value.';

COMMENT ON TABLE outcomes.quarantine_tally IS
    'How many records are open in quarantine: the sum over the sessions of each reason. Kept by triggers, so that nobody need count a million.';
COMMENT ON COLUMN outcomes.quarantine_tally.reason IS 'As in quarantine.';
COMMENT ON COLUMN outcomes.quarantine_tally.session IS
    'Process id of a session of the server: each changes a row of its own, and waits for nobody. 0 for what was there before.';
COMMENT ON COLUMN outcomes.quarantine_tally.records IS 'Records it has added to the open ones, less those it has taken away.';
COMMENT ON FUNCTION outcomes.tally_quarantine IS 'Trigger of quarantine: keeps quarantine_tally.';

COMMENT ON TABLE outcomes.quarantine IS
    'Events that could not be understood, whole, with the reason. For the writer''s and the owner''s eyes.';
COMMENT ON COLUMN outcomes.quarantine.raw IS
    'The record as it came; one element where the record held several events. Empty once it is settled. Personal: it is what Canvas sent.';
COMMENT ON COLUMN outcomes.quarantine.path IS
    'Where in the record; empty for the whole. (personal) stands for a name that may be somebody''s.';
COMMENT ON COLUMN outcomes.ignored_event.event_name IS
    'Name of the events. (tombstone): Kafka messages without a value; (personal): names that may be somebody''s; (others): those that came when 500 names were known.';
COMMENT ON COLUMN outcomes.unknown_member.member IS
    'Name of the member, with its parents: rubric_criterion.icon. (personal): names that may be somebody''s; (others): those that came when 500 were known.';
COMMENT ON TABLE outcomes.unknown_member IS
    'The drift report: members that Canvas sends and this projection does not know. Their values are in the column extra, those of results in unknown_value.';

DO $comments$
DECLARE
    relation regclass;
BEGIN
    FOR relation IN
        SELECT c.oid
          FROM pg_class c
          LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
         WHERE c.relnamespace = 'outcomes'::regnamespace
           AND coalesce(i.inhparent::regclass::text, c.oid::regclass::text) ~ '(^|\.)(learning_outcome_result|rubric_assessment)(_version|_history)?$' LOOP
        EXECUTE format('COMMENT ON COLUMN %s.extra IS %L', relation,
                       'Always null: what unknown members of results say is kept in unknown_value, out of readers'' sight.');
    END LOOP;
END
$comments$;
