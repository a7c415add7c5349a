-- Nobody else creates or detaches partitions of {parent} meanwhile: make_version_partitions takes the same lock first.
LOCK TABLE ONLY {parent} IN SHARE UPDATE EXCLUSIVE MODE
