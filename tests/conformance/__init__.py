"""The official conformance suite of MCP against our servers: `python -m tests.conformance`."""
