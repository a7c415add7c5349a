"""Who may ask, and for which tenant."""
