-- A table that can become a partition of {parent}. Its CHECK saves a scan when it is attached.
SELECT outcomes_internal.new_version_partition('outcomes.{parent}', '{name}', '{meaning}');
ALTER TABLE {name} ADD CONSTRAINT bounds CHECK ({bounds});
