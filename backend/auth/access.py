"""What a route asks of whoever calls it. Every route names one of these or is on the public list."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from backend.auth.people import AnyCaller, CredentialKind, DeviceCaller, Role, Scope
from backend.kit.errors import AppError

_EVERYBODY: frozenset[Role] = frozenset({"owner", "adult", "child"})
_GROWN_UP: frozenset[Role] = frozenset({"owner", "adult"})
_USUAL: frozenset[CredentialKind] = frozenset({"session", "token", "key"})


class ForbiddenError(AppError):
    code: ClassVar[str] = "forbidden"
    status = 403


class ScopeMissingError(ForbiddenError):
    code = "scope_missing"


@dataclass(frozen=True, slots=True)
class Access:
    name: str
    roles: frozenset[Role] = _EVERYBODY
    scopes: frozenset[Scope] = frozenset()
    """An API key or an app needs one of them; with none here, none gets in."""
    devices: bool = False
    kinds: frozenset[CredentialKind] = _USUAL
    """An app's token is made for one address and counts nowhere else."""

    def check(self, caller: AnyCaller) -> None:
        """Raises ForbiddenError or ScopeMissingError."""
        if isinstance(caller, DeviceCaller):
            if not self.devices:
                raise ForbiddenError("A paired display may not do that.")
            return
        if caller.user.role not in self.roles:
            raise ForbiddenError("Your account may not do that. Ask the owner of this Parlor.")
        if caller.kind not in self.kinds:
            raise ForbiddenError(_NOT_THAT_WAY[caller.kind])
        if caller.kind in _SCOPED and not caller.scopes & self.scopes:
            needed = " or ".join(sorted(self.scopes))
            what = _SCOPED[caller.kind]
            raise ScopeMissingError(
                f"{what} lacks the scope {needed}."
                if needed
                else f"{what} cannot do that; sign in."
            )


_SCOPED: Mapping[CredentialKind, str] = {"key": "This API key", "app": "This app"}
_NOT_THAT_WAY: Mapping[CredentialKind, str] = {
    "session": "That is for programs: send a token instead of the cookie.",
    "token": "That is for people: sign in with a browser.",
    "key": "That is for people: sign in with a browser.",
    "app": "What was given to this app counts at /mcp alone.",
}

READ = Access("read", scopes=frozenset({"read", "chat"}))
"""Look at what is one's own."""
CHAT = Access("chat", scopes=frozenset({"chat"}))
"""Send, stop, change and delete what is one's own."""
LIVE = Access("live", scopes=frozenset({"read", "chat"}), devices=True)
"""The news of a screen."""
ACCOUNT = Access("account")
"""A person's own account: only after signing in, never by key."""
HOUSEHOLD = Access("household", roles=_GROWN_UP)
"""What adults decide for everybody: paired displays."""
ADMIN = Access("admin", roles=frozenset({"owner"}), scopes=frozenset({"admin"}))
"""What the owner decides."""
WALL = Access("wall", devices=True, roles=frozenset())
"""A paired display about itself."""
CONSENT = Access("consent", roles=_GROWN_UP, kinds=frozenset({"session"}))
"""Letting a program in, with a key or by its own asking: in a browser, by somebody who reads what it
may. A token of some minutes must not become a key of years."""
PROGRAM = Access(
    "program",
    scopes=frozenset({"tools", "chat"}),
    kinds=frozenset({"token", "key", "app"}),
)
"""`/mcp`, for programs: with a token, an API key, or what somebody let an app have."""
