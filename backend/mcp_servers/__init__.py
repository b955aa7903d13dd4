"""MCP servers we ship: a file each, one line each in `shipped.py`, all in one process or one alone."""
