-- Its arguments are the columns of the id and of the uuid. Only what is new locks a row: most events tell a pair that is known.
CREATE OR REPLACE FUNCTION outcomes_internal.learn_user_identity() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format($sql$
        INSERT INTO outcomes.user_identity AS known (root_account_uuid, user_uuid, user_id, since)
        SELECT n.root_account_uuid, n.%2$I, n.%1$I, min(n.event_time)
          FROM told n
         WHERE n.%1$I IS NOT NULL AND n.%2$I IS NOT NULL
           AND NOT EXISTS (SELECT
                             FROM outcomes.user_identity k
                            WHERE k.root_account_uuid = n.root_account_uuid AND k.user_uuid = n.%2$I AND k.user_id = n.%1$I
                              AND k.since <= n.event_time)
         GROUP BY n.root_account_uuid, n.%2$I, n.%1$I
         ORDER BY n.root_account_uuid, n.%2$I, n.%1$I
            ON CONFLICT (root_account_uuid, user_uuid, user_id) DO UPDATE SET since = least(known.since, excluded.since)
    $sql$, TG_ARGV[0], TG_ARGV[1]);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION outcomes_internal.learn_user_identity IS
    'Trigger of versions that tell whose uuid is whose: adds the pair to user_identity, or an earlier moment of it.';
