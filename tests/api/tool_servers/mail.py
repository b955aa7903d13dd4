"""The server that the operator's file names."""

SERVERS = "/api/mcp/servers"
HARMLESS = {"readOnlyHint": True, "openWorldHint": False}
