"""Canvas' writing endpoints, for trials: each write becomes the event that Canvas would send."""
