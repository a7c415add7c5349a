-- Active outcomes of a context without a link in it. Canvas may have them all the same, so we request each.
SELECT held.id
  FROM learning_outcome AS held
 WHERE held.root_account_uuid = $1 AND held.context_type = $2 AND held.context_id = $3
   AND held.workflow_state = 'active'
   AND NOT EXISTS (SELECT FROM unnest($4::bigint[]) AS shown (id) WHERE shown.id = held.id)
 ORDER BY held.id
