"""The browser that the tests of pages use, where there is one."""

import shutil

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
"""Debian's package `chromium` brings it; None where there is none."""
