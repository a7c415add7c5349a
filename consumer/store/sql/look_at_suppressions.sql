-- Keeps erasures away until the transaction ends, and returns the number of the newest suppression. $1: whether the caller adds some.
SELECT outcomes_internal.look_at_suppressions($1)
