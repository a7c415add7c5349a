"""How Sphinx builds these pages: `make docs`, into build/docs. Every warning is an error."""

project = "outcomes-consumer"
author = "outcomes-consumer"
copyright = "outcomes-consumer"  # noqa: A001 - Sphinx asks for this name
extensions = ["myst_parser"]
exclude_patterns: list[str] = []
myst_enable_extensions = ["deflist", "fieldlist"]
myst_heading_anchors = 4
smartquotes = False
nitpicky = True
html_theme = "furo"
html_title = "outcomes-consumer"
html_show_copyright = False
html_copy_source = False
html_static_path = ["_static"]
html_css_files = ["blocks.css"]
