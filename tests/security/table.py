"""Who may use which route, said once more by hand: a changed or new route does not pass unseen."""

from dataclasses import dataclass

PUBLIC = "public"

ACCESS = {
    "POST /api/chat/stream": "chat",
    "POST /api/chat/regenerate": "chat",
    "POST /api/chat/continue": "chat",
    "GET /api/chat/turns/{turn_id}": "read",
    "POST /api/chat/turns/{turn_id}/stop": "chat",
    "GET /api/chat/turns/{turn_id}/events": "read",
    "POST /api/chat/turns/{turn_id}/events": "read",
    "GET /api/chat/questions": "read",
    "POST /api/chat/turns/{turn_id}/approvals/{approval_id}": "chat",
    "POST /api/chat/turns/{turn_id}/inputs/{input_id}": "chat",
    "GET /api/chat/generation/{generation_id}": "read",
    "GET /api/chat/test-stream": "read",
    "DELETE /api/chat/session/{conversation_id}": "chat",
    "DELETE /api/chat/session/{conversation_id}/messages/{message_id}": "chat",
    "GET /api/conversations": "read",
    "POST /api/conversations": "chat",
    "GET /api/conversations/{conversation_id}": "read",
    "PATCH /api/conversations/{conversation_id}": "chat",
    "DELETE /api/conversations/{conversation_id}": "chat",
    "GET /api/events": "live",
    "POST /api/events": "live",
    "GET /api/models": "read",
    "GET /api/memories": "read",
    "GET /api/uploads/{file_id}/content": "read",
    "POST /api/memories": "chat",
    "DELETE /api/memories": "chat",
    "DELETE /api/memories/{memory_id}": "chat",
    "GET /api/mcp/own": "read",
    "POST /mcp": "program",
    "GET /mcp": "program",
    "DELETE /mcp": "program",
    "GET /api/mcp/servers": "read",
    "POST /api/mcp/servers/connect": "admin",
    "POST /api/mcp/servers/discover": "admin",
    "POST /api/mcp/servers/refresh": "admin",
    "PATCH /api/mcp/servers/{server_id}": "admin",
    "DELETE /api/mcp/servers/{server_id}": "admin",
    "GET /api/mcp/servers/{server_id}/tools": "read",
    "POST /api/mcp/servers/{server_id}/tools": "admin",
    "POST /api/mcp/servers/{server_id}/approve": "account",
    "GET /api/mcp/servers/{server_id}/traffic": "admin",
    "PUT /api/mcp/servers/{server_id}/traffic": "admin",
    "GET /api/mcp/prompts": "read",
    "POST /api/mcp/prompts/get": "chat",
    "GET /api/mcp/resources": "read",
    "POST /api/mcp/resources/read": "chat",
    "GET /api/mcp/policy": "read",
    "PUT /api/mcp/policy": "account",
    "GET /api/mcp/preferences/{client}": "read",
    "PUT /api/mcp/preferences/{client}": "chat",
    "GET /api/auth/setup": PUBLIC,
    "POST /api/auth/register": PUBLIC,
    "POST /api/auth/login": PUBLIC,
    "POST /api/auth/refresh": PUBLIC,
    "POST /api/auth/access": PUBLIC,
    "GET /api/auth/oidc/start": PUBLIC,
    "GET /api/auth/oidc/callback": PUBLIC,
    "POST /api/auth/oidc/link": "account",
    "POST /api/auth/passkey/options": PUBLIC,
    "POST /api/auth/passkey": PUBLIC,
    "POST /api/auth/logout": "account",
    "GET /api/auth/me": "read",
    "PATCH /api/auth/me": "account",
    "POST /api/auth/password": "account",
    "GET /api/auth/sessions": "account",
    "DELETE /api/auth/sessions": "account",
    "DELETE /api/auth/sessions/{session_id}": "account",
    "POST /api/auth/totp": "account",
    "POST /api/auth/totp/confirm": "account",
    "DELETE /api/auth/totp": "account",
    "POST /api/auth/recovery-codes": "account",
    "GET /api/auth/passkeys": "account",
    "POST /api/auth/passkeys": "account",
    "POST /api/auth/passkeys/options": "account",
    "DELETE /api/auth/passkeys/{passkey_id}": "account",
    "GET /api/auth/keys": "account",
    "POST /api/auth/keys": "consent",
    "DELETE /api/auth/keys/{key_id}": "account",
    "POST /api/auth/apps/look": "consent",
    "POST /api/auth/apps/decide": "consent",
    "GET /api/auth/apps": "account",
    "DELETE /api/auth/apps/{app_id}": "account",
    "GET /.well-known/oauth-protected-resource": PUBLIC,
    "GET /.well-known/oauth-protected-resource/mcp": PUBLIC,
    "GET /.well-known/oauth-authorization-server": PUBLIC,
    "POST /oauth/register": PUBLIC,
    "POST /oauth/token": PUBLIC,
    "POST /oauth/revoke": PUBLIC,
    "GET /api/auth/identities": "account",
    "DELETE /api/auth/identities/{identity_id}": "account",
    "GET /api/people": "admin",
    "PATCH /api/people/{person_id}": "admin",
    "POST /api/people/{person_id}/reset": "admin",
    "DELETE /api/people/{person_id}": "admin",
    "GET /api/audit": "admin",
    "GET /api/system": "admin",
    "POST /api/devices/pairings": PUBLIC,
    "POST /api/devices/pairings/claim": PUBLIC,
    "POST /api/devices/pairings/look": "household",
    "POST /api/devices/pairings/approve": "household",
    "GET /api/devices": "household",
    "PATCH /api/devices/{device_id}": "household",
    "DELETE /api/devices/{device_id}": "household",
    "GET /api/devices/me": "wall",
    "POST /api/mcp/servers/{server_id}/sign-in": "account",
    "DELETE /api/mcp/servers/{server_id}/sign-in": "account",
    "GET /api/mcp/sign-in/callback": PUBLIC,
    "GET /.well-known/parlor-mcp-client.json": PUBLIC,
    "GET /health": PUBLIC,
    "GET /ca": PUBLIC,
    "GET /ca.crt": PUBLIC,
    "GET /ca.css": PUBLIC,
    "GET /health/ready": "read",
    "GET /metrics": "read",
}

PAGES = {"GET /ca", "GET /ca.crt", "GET /ca.css"}
"""No data: a page, its style and a file to download. What they carry is in tests/api/test_ca.py."""

ASKS_INSIDE = {"POST /api/auth/register": "admin"}
"""Public while there is nobody; from the first person on, the route itself asks for this."""


@dataclass(frozen=True)
class Rule:
    """What an access means."""

    roles: frozenset[str]
    scopes: frozenset[str] = frozenset()
    """Of a key: one of them."""
    devices: bool = False
    kinds: frozenset[str] = frozenset({"session", "token", "key"})
    """Of what may be shown. What an app was given ("app") counts nowhere but at `/mcp`."""


_ALL, _GROWN_UP = frozenset({"owner", "adult", "child"}), frozenset({"owner", "adult"})

RULES = {
    "read": Rule(_ALL, frozenset({"read", "chat"})),
    "chat": Rule(_ALL, frozenset({"chat"})),
    "live": Rule(_ALL, frozenset({"read", "chat"}), devices=True),
    "account": Rule(_ALL),
    "household": Rule(_GROWN_UP),
    "admin": Rule(frozenset({"owner"}), frozenset({"admin"})),
    "wall": Rule(frozenset(), devices=True),
    "consent": Rule(_GROWN_UP, kinds=frozenset({"session"})),
    "program": Rule(_ALL, frozenset({"tools", "chat"}), kinds=frozenset({"token", "key", "app"})),
}

PRIVATE = {
    "conversation_id",
    "message_id",
    "turn_id",
    "generation_id",
    "memory_id",
    "file_id",
    "session_id",
    "key_id",
    "app_id",
    "passkey_id",
    "identity_id",
}
"""Ids of what belongs to one person. The others belong to the household."""
