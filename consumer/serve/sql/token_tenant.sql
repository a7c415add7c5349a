-- The tenant that a token opens, by its digest; null where it opens none.
SELECT token_tenant($1)
