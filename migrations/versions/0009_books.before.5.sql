-- What is there already goes the same way: values of unknown members of results (the trigger takes them, whoever touches the row), bytes
-- of records that are settled, and names of members and events that may be somebody's. Some pages at a time, each time committed; a
-- worker waits for milliseconds, and done again it finds nothing to do.
DO $before$
DECLARE
    part regclass;
    pages constant integer := 2000;
    page bigint;
    last bigint;
BEGIN
    FOR part IN SELECT tree.relid
                  FROM unnest(ARRAY['learning_outcome_result_version', 'learning_outcome_result', 'rubric_assessment_version', 'rubric_assessment',
                                    'quarantine']) WITH ORDINALITY AS named (name, number)
                 CROSS JOIN LATERAL (SELECT relid FROM pg_partition_tree(format('outcomes.%I', name)::regclass) WHERE isleaf
                                      UNION
                                     SELECT format('outcomes.%I', name)::regclass
                                      WHERE NOT EXISTS (SELECT FROM pg_partition_tree(format('outcomes.%I', name)::regclass))) AS tree
                 ORDER BY number, tree.relid LOOP
        last := pg_relation_size(part) / current_setting('block_size')::bigint;
        page := 0;
        WHILE page < last LOOP
            PERFORM set_config('lock_timeout', '800ms', true);
            IF part = 'outcomes.quarantine'::regclass THEN
                UPDATE outcomes.quarantine
                   SET raw = ''
                 WHERE ctid >= format('(%s,0)', page)::tid AND ctid < format('(%s,0)', page + pages)::tid
                   AND state <> 'open' AND length(raw) > 0;
            ELSE -- in the order in which workers lock rows
                EXECUTE format('UPDATE %1$s SET extra = extra WHERE ctid = ANY (ARRAY(
                                    SELECT ctid FROM %1$s WHERE ctid >= %2$L AND ctid < %3$L AND extra IS NOT NULL
                                     ORDER BY root_account_uuid, id, event_time, version_hash FOR UPDATE))',
                               part, format('(%s,0)', page), format('(%s,0)', page + pages));
            END IF;
            COMMIT;
            page := page + pages;
        END LOOP;
    END LOOP;

    PERFORM set_config('lock_timeout', '800ms', true);
    WITH gone AS (
        DELETE FROM outcomes.ignored_event
         WHERE event_name <> '(personal)' AND event_name ~ '[@\uff20\ufe6b]|%40|\s|\d{6}|^[^[:alpha:]]+$' AND event_name <> '(tombstone)'
        RETURNING source, partition, events, last_event_time
    )
    INSERT INTO outcomes.ignored_event AS known (source, partition, event_name, events, last_event_time)
    SELECT source, partition, '(personal)', sum(events), max(last_event_time) FROM gone GROUP BY source, partition
        ON CONFLICT (source, partition, event_name) DO UPDATE
       SET events = known.events + excluded.events, last_event_time = greatest(known.last_event_time, excluded.last_event_time);
    COMMIT;
    PERFORM set_config('lock_timeout', '800ms', true);
    WITH gone AS (
        DELETE FROM outcomes.unknown_member
         WHERE member <> '(personal)' AND member ~ '[@\uff20\ufe6b]|%40|\s|\d{6}|^[^[:alpha:]]+$'
        RETURNING source, partition, event_name, events
    )
    INSERT INTO outcomes.unknown_member AS known (source, partition, event_name, member, events)
    SELECT source, partition, event_name, '(personal)', sum(events) FROM gone GROUP BY source, partition, event_name
        ON CONFLICT (source, partition, event_name, member) DO UPDATE SET events = known.events + excluded.events;
    COMMIT;
END
$before$;
