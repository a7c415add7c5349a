-- Nobody else makes or takes away partitions of {parent} meanwhile: make_version_partitions begins with the same lock.
LOCK TABLE ONLY {parent} IN SHARE UPDATE EXCLUSIVE MODE
