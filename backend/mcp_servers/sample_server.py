"""The test toolkit by the name that older definitions of servers start it by."""

from backend.mcp_servers.stdio import run_as_module

if __name__ == "__main__":
    run_as_module("test-toolkit")
