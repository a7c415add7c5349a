"""Where records come from: Kafka, or captured files."""
