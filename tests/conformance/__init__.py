"""The official conformance suite of MCP against our servers and our client, and servers that nobody
here wrote: `python -m tests.conformance`."""
