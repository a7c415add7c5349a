CREATE OR REPLACE FUNCTION outcomes_internal.account_chain(
    tenant text, context_type text, context_id bigint, at timestamptz, known_at timestamptz DEFAULT NULL)
RETURNS TABLE (distance integer, owner_type text, owner_id bigint) LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    account bigint;
    parent bigint;
    visited bigint[] := '{}';
BEGIN
    distance := 0;
    IF context_type = 'Course' THEN
        IF context_id IS NOT NULL THEN
            owner_type := 'Course';
            owner_id := context_id;
            RETURN NEXT;
            SELECT c.account_id INTO account FROM outcomes.course_at(tenant, context_id, at, known_at) c;
            IF account IS NULL THEN
                SELECT outcomes_internal.local_id(h.metadata ->> 'context_account_id') INTO account
                  FROM outcomes.context_hint h
                 WHERE h.root_account_uuid = tenant
                   AND h.metadata ->> 'context_type' = 'Course' AND h.metadata ? 'context_account_id'
                   AND outcomes_internal.local_id(h.metadata ->> 'context_id') = context_id
                   AND h.event_time <= coalesce(at, 'infinity') AND h.recorded_at <= coalesce(known_at, 'infinity')
                 ORDER BY h.event_time DESC, 1 DESC
                 LIMIT 1;
            END IF;
            account := coalesce(account, outcomes_internal.root_account(tenant, at, known_at));
        END IF;
    ELSIF context_type = 'Account' THEN
        account := context_id;
    ELSE
        RETURN; -- no other context is in the tree
    END IF;
    owner_type := 'Account';
    WHILE account IS NOT NULL LOOP
        IF account = ANY (visited) THEN
            EXIT; -- a cycle: Canvas makes none, but a feed out of order can show one
        END IF;
        visited := visited || account;
        distance := distance + 1;
        owner_id := account;
        RETURN NEXT;
        SELECT a.parent_account_id INTO parent FROM outcomes.account_at(tenant, account, at, known_at) a;
        IF FOUND AND parent IS NULL THEN
            RETURN; -- a root
        END IF;
        account := parent;
    END LOOP;
    account := outcomes_internal.root_account(tenant, at, known_at);
    IF account IS NOT NULL AND account <> ALL (visited) THEN
        distance := distance + 1;
        owner_id := account;
        RETURN NEXT;
    END IF;
END
$$;
COMMENT ON FUNCTION outcomes_internal.account_chain IS
    'The contexts that a course or account inherits from, nearest first: itself, its account, that one''s parents; the root where '
    'the tree is not known.';
