"""Canvas' own endpoints, answered from the projection, and their history."""
