"""Canvas' REST API: asked where the feed has gaps, and answered from the projection."""
