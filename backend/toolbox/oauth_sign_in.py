"""A person signs in at a tool server, in their browser, and signs out again."""

import asyncio
import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import orjson

from backend.auth.challenge_store import Challenge as Question
from backend.auth.challenge_store import ChallengeStore
from backend.auth.oidc import QUESTION_LIFE, Answer, Begun
from backend.db.database import Database
from backend.kit.clock import Clock
from backend.kit.errors import AppError, ConflictError
from backend.kit.outbound import Outbound
from backend.toolbox.oauth_discovery import Issuer, Place, challenge_of, failed, find_place
from backend.toolbox.oauth_grants import Grants, client_name, expiry
from backend.toolbox.oauth_store import KnownClient, SignIn, SignInStore
from backend.toolbox.oauth_tokens import (
    TokensRefusedError,
    ToolClient,
    document,
    register,
    tokens_for,
)
from backend.toolbox.records import Address, Registration, ServerDefinition
from backend.vault.service import Vault

DOCUMENT_PATH = "/.well-known/parlor-mcp-client.json"
CALLBACK_PATH = "/api/mcp/sign-in/callback"
_KIND = "tool_sign_in"


class ToolSignInExpiredError(AppError):
    """Not the answer to a question that this browser was asked, or not in time, or not once."""

    code = "tool_sign_in_expired"
    status = 401

    def __init__(self) -> None:
        super().__init__("That sign-in took too long or was begun elsewhere. Try again.")


class ToolSignInDeniedError(AppError):
    """The person said no there, or the server did."""

    code = "tool_sign_in_denied"
    status = 401

    def __init__(self) -> None:
        super().__init__("The server did not sign you in.")


@dataclass(frozen=True, slots=True)
class Home:
    """This Parlor, as a browser reaches it; `public`: what the operator says it is called."""

    origin: str
    public: bool

    @property
    def callback(self) -> str:
        return self.origin + CALLBACK_PATH

    @property
    def document_address(self) -> str:
        """Who we are to servers that look it up; "" where they could not."""
        is_found = self.public and self.origin.startswith("https://")
        return self.origin + DOCUMENT_PATH if is_found else ""

    def document(self) -> dict[str, Any]:
        return document(self.origin, self.callback, self.origin + DOCUMENT_PATH)


@dataclass(frozen=True, slots=True)
class Wish:
    """Who wants to sign in where, and what the server said when it refused them."""

    user_id: str
    definition: ServerDefinition
    challenge: str


class ToolSignIn:
    """Methods that read or write raise StorageError."""

    def __init__(
        self,
        grants: Grants,
        store: SignInStore,
        challenges: ChallengeStore,
        vault: Vault,
        outbound: Outbound,
        clock: Clock,
    ) -> None:
        self.grants = grants
        self._store = store
        self._challenges = challenges
        self._vault = vault
        self._outbound = outbound
        self._clock = clock

    async def begin(self, wish: Wish, home: Home) -> Begun:
        """Where the browser goes now. Raises ToolSignInFailedError, ConflictError."""
        where = wish.definition.where
        if not isinstance(where, Address):
            raise ConflictError(f"{wish.definition.name} asks nobody to sign in.")
        place = await find_place(self._outbound, where.url, challenge_of(wish.challenge))
        client = await self._client(wish, place, home)
        scopes = await self._scopes(wish, place)
        verifier, browser = secrets.token_urlsafe(48), secrets.token_urlsafe(32)
        payload = {
            "browser": _hash(browser),
            "verifier": verifier,
            "server_id": wish.definition.id,
            "resource": place.resource,
            "issuer": place.issuer.issuer,
            "sends_issuer": place.issuer.sends_issuer,
            "token_url": place.issuer.token,
            "revoke_url": place.issuer.revoke,
            "client_id": client.client_id,
            "auth_method": client.auth_method,
            "callback": home.callback,
            "scopes": scopes,
        }
        question = Question(_KIND, orjson.dumps(payload).decode(), wish.user_id)
        state = await self._challenges.put(question, QUESTION_LIFE)
        asked = {
            "response_type": "code",
            "client_id": client.client_id,
            "redirect_uri": home.callback,
            "state": state,
            "code_challenge": _s256(verifier),
            "code_challenge_method": "S256",
            "resource": place.resource,
        }
        if scopes:
            asked["scope"] = " ".join(scopes)
        if "offline_access" in scopes:  # OpenID Connect Core, 11
            asked["prompt"] = "consent"
        joint = "&" if urlsplit(place.issuer.authorize).query else "?"
        return Begun(f"{place.issuer.authorize}{joint}{urlencode(asked)}", browser)

    async def finish(self, answer: Answer, user_id: str) -> str:
        """The server that this person is signed in at now. Raises ToolSignInExpiredError,
        ToolSignInDeniedError, ToolSignInFailedError."""
        kept = await self._question(answer, user_id)
        issuer = kept["issuer"]
        if answer.issuer != issuer and (answer.issuer is not None or kept["sends_issuer"]):
            raise failed("the answer names another place to sign in")  # RFC 9207
        if answer.error is not None or not answer.code:
            raise ToolSignInDeniedError
        secret = await self._vault.get(client_name(issuer, kept["client_id"]), kept["token_url"])
        client = ToolClient(kept["client_id"], kept["auth_method"], secret or "")
        form = {
            "grant_type": "authorization_code",
            "code": answer.code,
            "redirect_uri": kept["callback"],
            "code_verifier": kept["verifier"],
            "resource": kept["resource"],
        }
        asked = tuple(kept["scopes"])
        try:
            tokens = await tokens_for(self._outbound, kept["token_url"], client, form, asked=asked)
        except TokensRefusedError as error:
            if not error.knows_us:  # the next try introduces Parlor anew
                await self._store.remove_client(issuer, client.client_id)
            raise failed(f"its place to sign in gave no tokens ({error})") from None
        sign_in = SignIn(
            user_id=user_id,
            server_id=kept["server_id"],
            resource=kept["resource"],
            issuer=issuer,
            client_id=client.client_id,
            auth_method=client.auth_method,
            token_url=kept["token_url"],
            revoke_url=kept["revoke_url"],
            scopes=tokens.scopes,
            created_at=self._clock.now(),
            expires_at=expiry(self._clock, tokens),
        )
        await self.grants.keep(sign_in, tokens, client)
        return sign_in.server_id

    async def _question(self, answer: Answer, user_id: str) -> dict[str, Any]:
        """What this person's browser was asked. It can be answered once."""
        if not answer.state or not answer.browser:
            raise ToolSignInExpiredError
        question = await self._challenges.take(_KIND, answer.state)
        if question is None or question.user_id != user_id:
            raise ToolSignInExpiredError
        kept: dict[str, Any] = orjson.loads(question.payload)
        if not hmac.compare_digest(kept["browser"], _hash(answer.browser)):
            raise ToolSignInExpiredError
        return kept

    async def _client(self, wish: Wish, place: Place, home: Home) -> ToolClient:
        issuer: Issuer = place.issuer
        where = wish.definition.where
        if isinstance(where, Address) and where.registration is not None:
            return await self._registered(where.registration, issuer)
        if issuer.reads_documents and home.document_address:
            return ToolClient(home.document_address)
        known = await self._store.client(issuer.issuer, home.callback)
        if known is not None and self.grants.is_known(wish.user_id, wish.definition.id):
            name = client_name(issuer.issuer, known.client_id)
            secret = await self._vault.get(name, issuer.token)
            if secret or known.auth_method == "none":
                return ToolClient(known.client_id, known.auth_method, secret or "")
        made = await register(self._outbound, issuer, home.callback, place.scopes)
        if made.secret:
            name = client_name(issuer.issuer, made.client_id)
            await self._vault.put(name, issuer.token, made.secret)
        known = KnownClient(made.client_id, made.auth_method)
        await self._store.put_client(issuer.issuer, home.callback, known)
        return made

    async def _registered(self, ours: Registration, issuer: Issuer) -> ToolClient:
        """As the operator was told there. Its secret is for that issuer and for nobody else,
        whatever the tool server says now."""
        if issuer.issuer != ours.issuer:
            raise failed("it names another place to sign in than the operator's file")
        if ours.secret_file is None:
            return ToolClient(ours.client_id)
        try:
            secret = (await asyncio.to_thread(ours.secret_file.read_text, "utf-8")).strip()
        except (OSError, UnicodeDecodeError):
            raise failed(f"{ours.secret_file.name} cannot be read") from None
        await self._vault.put(client_name(issuer.issuer, ours.client_id), issuer.token, secret)
        basic = "client_secret_basic" in issuer.auth_methods
        method = "client_secret_basic" if basic else "client_secret_post"
        return ToolClient(ours.client_id, method, secret)

    async def _scopes(self, wish: Wish, place: Place) -> tuple[str, ...]:
        """What the server asks for now, besides what it gave and refused before."""
        before = await self.grants.sign_in(wish.user_id, wish.definition.id)
        if before is None or before.issuer != place.issuer.issuer:
            return place.scopes
        return tuple(dict.fromkeys((*before.scopes, *before.lacking, *place.scopes)))


def build_tool_sign_in(
    database: Database, clock: Clock, vault: Vault, outbound: Outbound
) -> ToolSignIn:
    store = SignInStore(database, clock)
    grants = Grants(store, vault, outbound, clock)
    return ToolSignIn(grants, store, ChallengeStore(database, clock), vault, outbound, clock)


def _s256(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
