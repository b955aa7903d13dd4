"""What is asked of a browser's WebAuthn, and whether its answer is right.

The library takes 0.13 s to import and signatures take a moment: call these in a thread.
"""

import json
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from backend.auth.passkey_store import Credential
from backend.auth.people import User

if TYPE_CHECKING:
    from webauthn.helpers.structs import (
        PublicKeyCredentialCreationOptions,
        PublicKeyCredentialRequestOptions,
    )

_ODD = (ValueError, TypeError, KeyError, IndexError, AttributeError)
"""What the library lets through of answers that no browser gives."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where the browser sees us."""

    rp_id: str
    """The host name; "" where passkeys cannot work."""
    origin: str


def creation_options(user: User, site: Site, known: list[bytes]) -> dict[str, Any]:
    import webauthn  # noqa: PLC0415  # start-up: only passkeys need it
    from webauthn.helpers.structs import (  # noqa: PLC0415  # as above
        AuthenticatorSelectionCriteria,
        PublicKeyCredentialDescriptor,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    options = webauthn.generate_registration_options(
        rp_id=site.rp_id,
        rp_name="Parlor",
        user_id=user.id.encode(),
        user_name=user.username,
        user_display_name=user.display_name,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            require_resident_key=True,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=one) for one in known],
    )
    return _plain(options)


def request_options(site: Site) -> dict[str, Any]:
    """For whoever it may be: the authenticator knows which passkeys it has for us."""
    import webauthn  # noqa: PLC0415  # as above
    from webauthn.helpers.structs import UserVerificationRequirement  # noqa: PLC0415  # as above

    return _plain(
        webauthn.generate_authentication_options(
            rp_id=site.rp_id, user_verification=UserVerificationRequirement.REQUIRED
        )
    )


def created(answer: dict[str, Any], challenge: str, site: Site) -> Credential | None:
    """The new credential; None when anything about the answer is wrong."""
    import webauthn  # noqa: PLC0415  # as above
    from webauthn.helpers import (  # noqa: PLC0415  # as above
        decode_credential_public_key,
        decoded_public_key_to_cryptography,
    )
    from webauthn.helpers.exceptions import WebAuthnException  # noqa: PLC0415  # as above

    try:
        verified = webauthn.verify_registration_response(
            credential=answer,
            expected_challenge=webauthn.base64url_to_bytes(challenge),
            expected_rp_id=site.rp_id,
            expected_origin=site.origin,
            require_user_verification=True,
        )
        key = verified.credential_public_key
        # One that cannot be read would only be found out at the next sign-in.
        decoded_public_key_to_cryptography(decode_credential_public_key(key))
    except (WebAuthnException, *_ODD):
        return None
    return Credential(verified.credential_id, key, verified.sign_count, site.rp_id)


def sign_count(
    answer: dict[str, Any], challenge: str, site: Site, credential: Credential
) -> int | None:
    """How often the authenticator says it has signed; None when anything is wrong: the signature,
    the site, an unchecked user, a count that did not go up (a copy of the key is about)."""
    import webauthn  # noqa: PLC0415  # as above
    from webauthn.helpers.exceptions import WebAuthnException  # noqa: PLC0415  # as above

    try:
        verified = webauthn.verify_authentication_response(
            credential=answer,
            expected_challenge=webauthn.base64url_to_bytes(challenge),
            expected_rp_id=site.rp_id,
            expected_origin=site.origin,
            credential_public_key=credential.public_key,
            credential_current_sign_count=credential.sign_count,
            require_user_verification=True,
        )
    except (WebAuthnException, *_ODD):
        return None
    return verified.new_sign_count


def credential_id(answer: dict[str, Any]) -> bytes | None:
    return _decoded(answer.get("rawId"))


def is_of(answer: dict[str, Any], user: User) -> bool:
    """Whether the authenticator, too, says that the passkey is this person's."""
    response = answer.get("response")
    handle = response.get("userHandle") if isinstance(response, dict) else None
    return _decoded(handle) == user.id.encode()


def _decoded(text: object) -> bytes | None:
    try:
        return urlsafe_b64decode(f"{text}==") if isinstance(text, str) else None
    except ValueError:
        return None


def _plain(
    options: "PublicKeyCredentialCreationOptions | PublicKeyCredentialRequestOptions",
) -> dict[str, Any]:
    import webauthn  # noqa: PLC0415  # as above

    plain: dict[str, Any] = json.loads(webauthn.options_to_json(options))
    return plain
