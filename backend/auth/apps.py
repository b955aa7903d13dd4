"""Letting programs of others in at `/mcp`: a person looks at what one asks for, and decides."""

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from backend.auth import app_redirects
from backend.auth.app_client import AppClient
from backend.auth.app_clients import AppClients, AppRequestError
from backend.auth.app_grant import Code, Grant
from backend.auth.app_issuer import Issuer
from backend.auth.app_limits import AppLimits
from backend.auth.app_request import AppRequest, checked, parameters
from backend.auth.app_store import AppStore
from backend.auth.audit_store import AuditEvent
from backend.auth.callers import hash_of
from backend.auth.challenge_store import Challenge, ChallengeStore
from backend.auth.people import Caller, Origin, Scope
from backend.kit.clock import Clock
from backend.kit.errors import ConflictError, NotFoundError

LOOK_LIFE = timedelta(minutes=10)
CODE_LIFE = timedelta(seconds=60)
_MOST = 50
_KIND = "app"


class TooManyAppsError(ConflictError):
    code: ClassVar[str] = "too_many_apps"


@dataclass(frozen=True, slots=True)
class Seen:
    """For a person to read before they decide. All names are the program's own claims."""

    request: str
    """To decide with, once and soon."""
    client: AppClient
    redirect_host: str
    on_device: bool
    """The answer goes to a program on the device of whoever opens the page."""
    known: bool
    """This person has let this very program in, and it is still."""
    scopes: tuple[Scope, ...]


class Apps:
    def __init__(
        self,
        store: AppStore,
        clients: AppClients,
        challenges: ChallengeStore,
        limits: AppLimits,
        clock: Clock,
        *,
        on_ending: Callable[[], None],
    ) -> None:
        """`on_ending`: called when a program has lost what it had."""
        self._store = store
        self._clients = clients
        self._challenges = challenges
        self._limits = limits
        self._clock = clock
        self._on_ending = on_ending

    async def look(self, caller: Caller, query: str, issuer: Issuer) -> Seen:
        """What the page's query asks for. Raises AppRequestError, TooManyAttemptsError."""
        self._limits.look(caller.user.id)
        asked = parameters(query)
        client = await self._clients.find(asked.get("client_id", ""))
        wish = checked(asked, client, issuer)
        request = await self._challenges.put(
            Challenge(_KIND, _packed(wish, caller, issuer), caller.user.id), LOOK_LIFE
        )
        granted = await self._store.listed(caller.user.id)
        return Seen(
            request=request,
            client=client,
            redirect_host=app_redirects.redirect_host(wish.redirect_uri),
            on_device=app_redirects.is_on_device(wish.redirect_uri),
            known=any(grant.client_id == client.id for grant in granted),
            scopes=wish.scopes,
        )

    async def decide(self, caller: Caller, request: str, *, allow: bool, origin: Origin) -> str:
        """Where the browser goes with the answer. Raises AppRequestError, TooManyAppsError."""
        asked = await self._challenges.take(_KIND, request)
        if asked is None or asked.user_id != caller.user.id:
            raise AppRequestError(_TOO_LATE)
        wish, session_id, issuer = _unpacked(asked.payload)
        if session_id != caller.credential_id:
            raise AppRequestError(_TOO_LATE)
        answer: dict[str, str | None] = {"state": wish.state, "iss": issuer}
        if not allow:
            return app_redirects.with_answer(
                wish.redirect_uri, {"error": "access_denied", **answer}
            )
        code = secrets.token_urlsafe(32)
        given = Code(
            user_id=caller.user.id,
            client=wish.client,
            redirect_uri=wish.redirect_uri,
            challenge=wish.challenge,
            scopes=wish.scopes,
            resource=wish.resource,
            expires_at=self._clock.now() + CODE_LIFE,
        )
        host = app_redirects.redirect_host(wish.redirect_uri)
        event = AuditEvent(
            "app_allowed",
            caller.user.username,
            wish.client.name,
            f"{' '.join(wish.scopes)}, by way of {host}",
            origin.address,
        )
        if not await self._store.add_code(hash_of(code), given, event, most=_MOST):
            raise TooManyAppsError(f"{_MOST} apps are the most. Remove some that nobody uses.")
        return app_redirects.with_answer(wish.redirect_uri, {"code": code, **answer})

    async def listed(self, caller: Caller) -> list[Grant]:
        return await self._store.listed(caller.user.id)

    async def remove(self, caller: Caller, grant_id: str, *, origin: Origin) -> None:
        """Refused from now on. Raises NotFoundError."""
        event = AuditEvent("app_removed", caller.user.username, "", address=origin.address)
        if not await self._store.remove(caller.user.id, grant_id, event):
            raise NotFoundError("There is no such app.")
        self._on_ending()

    async def prune(self) -> None:
        await self._store.prune()
        await self._clients.prune()


_TOO_LATE = (
    "That was asked too long ago, or answered already. Begin anew in the program that sent you."
)


def _packed(wish: AppRequest, caller: Caller, issuer: Issuer) -> str:
    return json.dumps(
        {
            "client_id": wish.client.id,
            "name": wish.client.name,
            "uri": wish.client.uri,
            "redirect_uri": wish.redirect_uri,
            "scopes": wish.scopes,
            "challenge": wish.challenge,
            "resource": wish.resource,
            "state": wish.state,
            "session": caller.credential_id,
            "issuer": issuer.url,
        }
    )


def _unpacked(payload: str) -> tuple[AppRequest, str, str]:
    """The wish, the session it was shown in, and who asks."""
    found = json.loads(payload)
    wish = AppRequest(
        client=AppClient(found["client_id"], found["name"], found["uri"], ()),
        redirect_uri=found["redirect_uri"],
        scopes=tuple(found["scopes"]),
        challenge=found["challenge"],
        resource=found["resource"],
        state=found["state"],
    )
    return wish, found["session"], found["issuer"]
