"""The long-running loop. `worker.py` tells its story, `partitions.py` how partitions are lost."""
