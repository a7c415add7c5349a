-- The ids of some users: of a uuid that Canvas gave to another user, that user's.
SELECT user_uuid, user_id
  FROM outcomes_internal.uuid_owner($1, $2, NULL, NULL)
