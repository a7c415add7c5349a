"""Engines for the demo, the tests and a laptop: an address from the environment, else a container, else a local process.

All are real but librdkafka's mock broker, which serves the demo where there is neither Docker nor Java.
"""
