-- Deletes the values of unknown members of these versions, of whichever table they are.
DELETE FROM unknown_value AS held
 USING unnest($1::text[], $2::bigint[], $3::timestamptz[], $4::bigint[]) AS given (root_account_uuid, id, event_time, version_hash)
 WHERE held.root_account_uuid = given.root_account_uuid AND held.id = given.id AND held.event_time = given.event_time
   AND held.version_hash = given.version_hash
