"""A believable institution, and the truth about it. Pure, and independent of the consumer."""
