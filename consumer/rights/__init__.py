"""Who may see what: rights and tokens as rows, and what follows from them. Knows nothing of HTTP."""
