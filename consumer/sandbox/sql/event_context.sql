-- Global ids for an event's metadata: of the root account, of the request's course or account, of the account that holds it. Null
-- where no event tells them; local_account_id is the local id of the account that holds it.
SELECT root.global_id AS root_account_id,
       coalesce(course.global_id, account.global_id) AS context_id,
       holder.global_id AS context_account_id,
       coalesce(course.account_id, account.id) AS local_account_id
  FROM (SELECT outcomes_internal.root_account($1, NULL) AS id) AS top
  LEFT JOIN account AS root ON root.root_account_uuid = $1 AND root.id = top.id
  LEFT JOIN course ON $2 = 'Course' AND course.root_account_uuid = $1 AND course.id = $3
  LEFT JOIN account ON $2 = 'Account' AND account.root_account_uuid = $1 AND account.id = $3
  LEFT JOIN account AS holder ON holder.root_account_uuid = $1 AND holder.id = coalesce(course.account_id, account.id)
