"""What a route asks of whoever calls it. Every route names one of these or is on the public list."""

from dataclasses import dataclass
from typing import ClassVar

from backend.auth.people import AnyCaller, DeviceCaller, Role, Scope
from backend.kit.errors import AppError

_EVERYBODY: frozenset[Role] = frozenset({"owner", "adult", "child"})
_GROWN_UP: frozenset[Role] = frozenset({"owner", "adult"})


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
    """An API key needs one of them; with none here, no key gets in."""
    devices: bool = False

    def check(self, caller: AnyCaller) -> None:
        """Raises ForbiddenError or ScopeMissingError."""
        if isinstance(caller, DeviceCaller):
            if not self.devices:
                raise ForbiddenError("A paired display may not do that.")
            return
        if caller.user.role not in self.roles:
            raise ForbiddenError("Your account may not do that. Ask the owner of this Parlor.")
        if caller.kind == "key" and not caller.scopes & self.scopes:
            needed = " or ".join(sorted(self.scopes))
            raise ScopeMissingError(
                f"This API key lacks the scope {needed}."
                if needed
                else "An API key cannot do that; sign in."
            )


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
