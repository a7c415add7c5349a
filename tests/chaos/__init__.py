"""Long runs of the real worker against real engines while harm is done to all of them, by a seeded schedule."""
