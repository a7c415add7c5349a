-- A partition becomes a table of its own. It says so, and takes nothing in any more.
ALTER TABLE {parent} DETACH PARTITION {name};
COMMENT ON TABLE {name} IS '{meaning}';
REVOKE INSERT ON {name} FROM outcomes_writer;
