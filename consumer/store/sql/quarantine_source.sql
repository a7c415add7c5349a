-- Whether any record, whatever its state, came from this source.
SELECT EXISTS (SELECT FROM quarantine WHERE source = $1)
