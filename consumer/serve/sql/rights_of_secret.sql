-- Whom a token or a session belongs to, by its digest, and what that one may see; no row where it opens nothing.
SELECT * FROM outcomes_internal.rights_of_secret($1)
