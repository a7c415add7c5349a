-- Whether our rollups use account-level scales.
SELECT account_level_scales($1, NULL)
