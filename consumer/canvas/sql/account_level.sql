-- Whether rollups here are computed with account-level scales.
SELECT account_level_scales($1, NULL)
