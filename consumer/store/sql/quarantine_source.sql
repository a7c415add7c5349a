-- Whether any record, in any state, came from this source.
SELECT EXISTS (SELECT FROM quarantine WHERE source = $1)
