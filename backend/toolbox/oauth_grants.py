"""Tokens in use: sent to the server they are for, renewed once for all who wait, kept sealed."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from backend.kit.clock import Clock
from backend.kit.errors import AppError
from backend.kit.outbound import Outbound
from backend.toolbox.oauth_discovery import covers
from backend.toolbox.oauth_store import SignIn, SignInStore
from backend.toolbox.oauth_tokens import (
    Tokens,
    TokensRefusedError,
    ToolClient,
    revoke,
    tokens_for,
)
from backend.vault.service import Vault

_EARLY = timedelta(seconds=30)
_PAUSE_SECONDS = 30.0
"""Between two tries to renew: a server that fails, or refuses what it gave, is not stormed."""
_LATER = "its sign-in could not be renewed just now"
_ACCESS, _REFRESH, _CLIENT = "tool-access:", "tool-refresh:", "tool-client:"

_log = structlog.get_logger()

type Save = Callable[[SignIn, Tokens | None], Awaitable[None]]


class RenewalFailedError(OSError):
    """The sign-in stands, but could not be renewed now; `str()` is for people."""


class Grant:
    """One person's sign-in at one server."""

    def __init__(
        self,
        sign_in: SignIn,
        tokens: Tokens,
        client: ToolClient,
        *,
        outbound: Outbound,
        clock: Clock,
        save: Save,
    ) -> None:
        self.sign_in = sign_in
        self.tokens = tokens
        self.client = client
        self._outbound = outbound
        self._clock = clock
        self._save = save
        self._renewing: asyncio.Task[None] | None = None
        self._not_before = 0.0
        self._has_failed = False
        self._is_over = False
        """The server will not renew it: only its person can, by signing in again."""
        self.is_known = True
        """Whether the server still knows this Parlor by the name it gave."""

    async def token(self) -> str:
        """Raises RenewalFailedError."""
        if self._is_due(_EARLY):
            try:
                await self.renew(self.tokens.access)
            except RenewalFailedError:
                if self._is_due():
                    raise
        return self.tokens.access

    def _is_due(self, before: timedelta = timedelta()) -> bool:
        due = self.sign_in.expires_at
        return due is not None and self._clock.now() >= due - before

    async def renew(self, used: str) -> bool:
        """Whether there is another token than `used`, which is old or was refused. However many
        ask, one request is made; whoever stops waiting does not stop it: the answer may hold the
        only refresh token that is still good (RFC 9700). Raises RenewalFailedError."""
        if self.tokens.access != used:
            return True
        if not self.tokens.refresh or self._is_over:
            return False
        if self._renewing is None:
            if self._clock.monotonic() < self._not_before:
                if self._has_failed:
                    raise RenewalFailedError(_LATER)
                if not self._is_due():
                    return False  # it is new, and refused all the same
            self._renewing = asyncio.ensure_future(self._renew())
        await asyncio.wait({self._renewing})
        if self._has_failed:
            raise RenewalFailedError(_LATER)
        return self.tokens.access != used

    def adopt(self, sign_in: SignIn, tokens: Tokens, client: ToolClient) -> None:
        """Its person signed in again; connections that use it go on."""
        self.sign_in, self.tokens, self.client = sign_in, tokens, client
        self._not_before, self._has_failed, self._is_over = 0.0, False, False
        self.is_known = True

    def end(self) -> None:
        """Its person signed out; connections that still use it have nothing to show."""
        self.tokens = Tokens("", "", None, ())
        self.sign_in = replace(self.sign_in, expires_at=None)
        self._is_over = True

    async def settled(self) -> None:
        if self._renewing is not None:
            await asyncio.wait({self._renewing})

    async def lack(self, scopes: tuple[str, ...]) -> None:
        """A call wanted more than these tokens are good for: asked for at the next sign-in."""
        lacking = tuple(dict.fromkeys((*self.sign_in.lacking, *scopes)))[:50]
        if lacking != self.sign_in.lacking and self.tokens.access:
            self.sign_in = replace(self.sign_in, lacking=lacking)
            try:
                await self._save(self.sign_in, None)
            except AppError as error:
                _log.warning("tool_sign_in_not_stored", reason=error.detail)

    async def _renew(self) -> None:
        try:
            await self._exchange()
        finally:
            self._not_before = self._clock.monotonic() + _PAUSE_SECONDS
            self._renewing = None

    async def _exchange(self) -> None:
        kept = self.sign_in
        form = {
            "grant_type": "refresh_token",
            "refresh_token": self.tokens.refresh,
            "resource": kept.resource,
        }
        try:
            tokens = await tokens_for(
                self._outbound, kept.token_url, self.client, form, asked=kept.scopes
            )
        except TokensRefusedError as error:
            # What is kept stays: the next try may succeed, after a restart at the latest.
            _log.info("tool_sign_in_not_renewed", server=kept.server_id, reason=str(error))
            self._is_over, self._has_failed = error.is_final, not error.is_final
            self.is_known = error.knows_us
            return
        if self.tokens.refresh != form["refresh_token"]:
            return  # its person signed in anew meanwhile, or out
        self._has_failed = False
        self.tokens = replace(tokens, refresh=tokens.refresh or self.tokens.refresh)
        self.sign_in = replace(
            self.sign_in, scopes=tokens.scopes, expires_at=expiry(self._clock, tokens)
        )
        try:
            await self._save(self.sign_in, self.tokens)
        except Exception:  # noqa: BLE001  # the old ones may be void: memory still has the new
            _log.exception("tool_tokens_not_stored", server=kept.server_id)


class Grants:
    """All sign-ins at tool servers. Methods that read or write raise StorageError."""

    def __init__(self, store: SignInStore, vault: Vault, outbound: Outbound, clock: Clock) -> None:
        self._store = store
        self._vault = vault
        self._outbound = outbound
        self._clock = clock
        self._live: dict[tuple[str, str], Grant] = {}
        self._opening = asyncio.Lock()

    async def aclose(self) -> None:
        await asyncio.gather(*(grant.settled() for grant in self._live.values()))

    async def sign_ins(self) -> list[SignIn]:
        return [
            live.sign_in if (live := self._live.get((one.user_id, one.server_id))) else one
            for one in await self._store.all()
        ]

    async def sign_in(self, user_id: str, server_id: str) -> SignIn | None:
        wanted = (user_id, server_id)
        found = (one for one in await self.sign_ins() if (one.user_id, one.server_id) == wanted)
        return next(found, None)

    def lacking(self, user_id: str, server_id: str) -> tuple[str, ...]:
        """What a connection in this person's name was refused since they signed in."""
        live = self._live.get((user_id, server_id))
        if live is None:
            return ()
        return tuple(one for one in live.sign_in.lacking if one not in live.sign_in.scopes)

    def is_known(self, user_id: str, server_id: str) -> bool:
        """Whether the issuer of this sign-in still knows us, as far as we have heard."""
        live = self._live.get((user_id, server_id))
        return live is None or live.is_known

    async def of(self, user_id: str, server_id: str, url: str) -> Grant | None:
        """For this server at this address; one that moved gets nothing. Raises SealBrokenError."""
        async with self._opening:
            one = await self.sign_in(user_id, server_id)
            if one is None or not covers(one.resource, url):
                return None
            live = self._live.get((user_id, server_id))
            return live or await self._open(one)

    async def _open(self, one: SignIn) -> Grant | None:
        key = f"{one.user_id}:{one.server_id}"
        access = await self._vault.get(_ACCESS + key, one.resource)
        refresh = await self._vault.get(_REFRESH + key, one.token_url)
        if access is None:
            return None
        secret = await self._vault.get(client_name(one.issuer, one.client_id), one.token_url)
        tokens = Tokens(access, refresh or "", None, one.scopes)
        return self._make(one, tokens, ToolClient(one.client_id, one.auth_method, secret or ""))

    def _make(self, one: SignIn, tokens: Tokens, client: ToolClient) -> Grant:
        grant = Grant(
            one, tokens, client, outbound=self._outbound, clock=self._clock, save=self._save
        )
        self._live[one.user_id, one.server_id] = grant
        return grant

    async def keep(self, one: SignIn, tokens: Tokens, client: ToolClient) -> None:
        """A person signed in; what they had there before is replaced."""
        async with self._opening:
            old = self._live.get((one.user_id, one.server_id))
            if old is not None:
                await old.settled()
            await self._save(one, tokens)
            if old is not None and old.sign_in.resource == one.resource:
                old.adopt(one, tokens, client)
            else:
                self._make(one, tokens, client)

    async def _save(self, one: SignIn, tokens: Tokens | None) -> None:
        key = f"{one.user_id}:{one.server_id}"
        if tokens is not None:
            if tokens.refresh:  # first: without the others it still brings new ones
                await self._vault.put(_REFRESH + key, one.token_url, tokens.refresh)
            else:
                await self._vault.forget(_REFRESH + key)
            await self._vault.put(_ACCESS + key, one.resource, tokens.access)
        await self._store.put(one)

    async def forget(self, user_id: str, server_id: str) -> bool | None:
        """Deleted here, and revoked there: whether the server said so, None when it cannot."""
        async with self._opening:
            one = await self.sign_in(user_id, server_id)
            if one is None:
                return None
            grant = self._live.get((user_id, server_id))
            if grant is not None:
                await grant.settled()
                one = grant.sign_in
            else:
                try:
                    grant = await self._open(one)
                except AppError:  # unreadable: it can still be deleted
                    grant = None
            self._live.pop((user_id, server_id), None)
            tokens = grant.tokens if grant is not None else None
            if grant is not None:
                grant.end()  # before anything is waited for: it must not renew what is deleted
            await self._store.remove(user_id, server_id)
            for name in (_ACCESS, _REFRESH):
                await self._vault.forget(f"{name}{user_id}:{server_id}")
        if grant is None or tokens is None or not one.revoke_url:
            return None
        token = tokens.refresh or tokens.access
        return await revoke(self._outbound, one.revoke_url, grant.client, token)

    async def forget_server(self, server_id: str) -> None:
        for one in await self._store.all():
            if one.server_id == server_id:
                await self.forget(one.user_id, server_id)

    async def prune(self) -> None:
        """People who were deleted leave sealed tokens behind."""
        async with self._opening:  # a sign-in that is half stored is nobody's yet
            known = {f"{one.user_id}:{one.server_id}" for one in await self._store.all()}
            for name in await self._vault.names():
                for kind in (_ACCESS, _REFRESH):
                    if name.startswith(kind) and name.removeprefix(kind) not in known:
                        await self._vault.forget(name)
            for key in [key for key in self._live if ":".join(key) not in known]:
                self._live.pop(key).end()


def client_name(issuer: str, client_id: str) -> str:
    return _CLIENT + hashlib.sha256(f"{issuer}\n{client_id}".encode()).hexdigest()[:32]


def expiry(clock: Clock, tokens: Tokens) -> datetime | None:
    return None if tokens.seconds is None else clock.now() + timedelta(seconds=tokens.seconds)
