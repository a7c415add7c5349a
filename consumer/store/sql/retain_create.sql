-- A table that can become a partition of {parent}. Its CHECK saves a scan when it is attached.
SELECT outcomes.new_version_partition('outcomes.{parent}', '{name}', '{meaning}');
ALTER TABLE {name} ADD CONSTRAINT bounds CHECK ({bounds});
