-- A table that can become a partition of {parent}, with a CHECK that saves reading it then.
SELECT outcomes.new_version_partition('outcomes.{parent}', '{name}', '{meaning}');
ALTER TABLE {name} ADD CONSTRAINT bounds CHECK ({bounds});
