"""What Canvas says: one frozen model per event body. Pure; knows neither Kafka nor Postgres."""
