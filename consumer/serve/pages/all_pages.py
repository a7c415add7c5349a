"""Every page, and what they load."""

from consumer.serve.pages import account, cell, gradebook, home, operations, outcome, routing, student

ROUTERS = [one.router for one in (home, account, gradebook, cell, student, outcome, operations, routing)]
