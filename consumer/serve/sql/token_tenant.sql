-- The tenant that a token opens, by its digest; null where it opens none.
SELECT outcomes_internal.token_tenant($1)
