"""Every page, and what they load."""

from consumer.serve.pages import gradebook, home, routing

ROUTERS = (home.router, gradebook.router, routing.router)
