-- Detaches a partition. Its comment says so, and writers can no longer insert.
ALTER TABLE {parent} DETACH PARTITION {name};
COMMENT ON TABLE {name} IS '{meaning}';
REVOKE INSERT ON {name} FROM outcomes_writer;
