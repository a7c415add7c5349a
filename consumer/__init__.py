"""Canvas Live Events about learning outcomes, from Kafka or files into a Postgres projection over time."""
