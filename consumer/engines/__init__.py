"""Postgres and Kafka for the demo, the tests and a laptop: an address from the environment, else a container, else a process.

Without Docker and Java, the demo uses librdkafka's mock broker.
"""
