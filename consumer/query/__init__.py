"""The read side: status, history, explain, verify. SQL does the sums, Python shows them."""
