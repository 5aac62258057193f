"""Signing in, by way of the user pool; who somebody is."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from botocore.exceptions import BotoCoreError, ClientError

from breakwater.db.connection import TenantTransaction
from breakwater.db.identity import User
from breakwater.domain.permissions import Caller
from breakwater.errors import Conflict, InvalidRequest, NotAuthenticated, NotPermitted, Rejection, Unavailable


class WrongCredentials(NotAuthenticated):
    """It never says which of username, password and code was wrong."""

    code = "WRONG_CREDENTIALS"


class CodeRequired(NotAuthenticated):
    code = "MFA_CODE_REQUIRED"


class SignInIncomplete(NotPermitted):
    """`challenge` (an extension) is what the user pool wants first, and this API does not offer."""

    code = "SIGN_IN_INCOMPLETE"


class TooManyAttempts(Rejection):
    status = 429
    code = "TOO_MANY_ATTEMPTS"
    retry_after_s: int = 30


class UserPoolUnavailable(Unavailable):
    code = "USER_POOL_UNAVAILABLE"


@dataclass(frozen=True, slots=True)
class Tokens:
    access_token: str
    refresh_token: str
    expires_in: int  # Seconds.


@dataclass(frozen=True, slots=True)
class PoolUser:
    """Who has the name here that somebody signed in with, and by what subject the pool knows who signed in."""

    user_id: uuid.UUID
    username: str
    subject: str


_WRONG = frozenset(
    {"NotAuthorizedException", "UserNotFoundException", "CodeMismatchException", "ExpiredCodeException"}
    | {"InvalidParameterException", "UserNotConfirmedException"}
)
_TOTP = "SOFTWARE_TOKEN_MFA"
_WRONG_AT_ENROLMENT = frozenset({"EnableSoftwareTokenMFAException", "SoftwareTokenMFANotFoundException"})
_TOO_MANY = frozenset({"TooManyRequestsException", "LimitExceededException", "TooManyFailedAttemptsException"})


def sign_in(
    user_pool: Any, client_id: str, *, username: str, password: str, code: str | None, new_password: str | None = None
) -> tuple[Tokens, bool]:
    """Tokens for a password, and for a code where the user has a second factor: whether it was asked for.

    `new_password` is the one that an invited user chooses with his temporary one; InvalidRequest when the pool does not
    take it. WrongCredentials, CodeRequired, SignInIncomplete, TooManyAttempts or UserPoolUnavailable otherwise.
    `user_pool` is a cognito-idp client.
    """
    answer = _ask(
        user_pool.initiate_auth,
        AuthFlow="USER_PASSWORD_AUTH",
        ClientId=client_id,
        AuthParameters={"USERNAME": username, "PASSWORD": password},
    )
    if answer.get("ChallengeName") == "NEW_PASSWORD_REQUIRED" and new_password is not None:
        answer = _ask(
            user_pool.respond_to_auth_challenge,
            ClientId=client_id,
            ChallengeName="NEW_PASSWORD_REQUIRED",
            Session=answer["Session"],
            ChallengeResponses={"USERNAME": username, "NEW_PASSWORD": new_password},
        )
    has_second_factor = answer.get("ChallengeName") == _TOTP
    if has_second_factor:
        if code is None:
            raise CodeRequired("this user signs in with a code as well")
        answer = _ask(
            user_pool.respond_to_auth_challenge,
            ClientId=client_id,
            ChallengeName=_TOTP,
            Session=answer["Session"],
            ChallengeResponses={"USERNAME": username, "SOFTWARE_TOKEN_MFA_CODE": code},
        )
    if "ChallengeName" in answer:
        challenge = answer["ChallengeName"]
        raise SignInIncomplete(f"the user pool asks for {challenge} first", challenge=challenge)
    return _tokens(answer["AuthenticationResult"], ""), has_second_factor


def refresh(user_pool: Any, client_id: str, refresh_token: str) -> Tokens:
    """A new access token; the refresh token stays unless the pool rotates it. Raises as `sign_in` does."""
    answer = _ask(
        user_pool.initiate_auth,
        AuthFlow="REFRESH_TOKEN_AUTH",
        ClientId=client_id,
        AuthParameters={"REFRESH_TOKEN": refresh_token},
    )
    return _tokens(answer["AuthenticationResult"], refresh_token)


def sign_out_everywhere(user_pool: Any, access_token: str) -> None:
    """The pool's part of ending every session of the user: it takes no refresh token of his any more."""
    _ask(user_pool.global_sign_out, AccessToken=access_token)


@dataclass(frozen=True, slots=True)
class TotpEnrolment:
    """What an authenticator app takes: the secret, in Base32, or all of it as a URI to be shown as a QR code."""

    secret: str
    otpauth_uri: str


class WrongCode(InvalidRequest):
    code = "WRONG_CODE"


class TotpEnrolled(Conflict):
    """An administrator resets it: whoever has stolen a session must not put his own in its place."""

    code = "TOTP_ENROLLED"


def enrol_totp(user_pool: Any, access_token: str, username: str) -> TotpEnrolment:
    """A new secret, which counts once a code of it was shown. TotpEnrolled where there is one that counts."""
    if _TOTP in _ask(user_pool.get_user, AccessToken=access_token).get("UserMFASettingList", []):
        raise TotpEnrolled("a second factor is enrolled; an administrator can reset it")
    secret = _ask(user_pool.associate_software_token, AccessToken=access_token)["SecretCode"]
    return TotpEnrolment(
        secret, f"otpauth://totp/Breakwater:{quote(username)}?{urlencode({'secret': secret, 'issuer': 'Breakwater'})}"
    )


def confirm_totp(user_pool: Any, access_token: str, code: str) -> None:
    """From now on the pool asks for a code at each sign-in. WrongCode when this one is not of the secret."""
    answer = _ask(user_pool.verify_software_token, AccessToken=access_token, UserCode=code)
    if answer.get("Status") != "SUCCESS":
        raise WrongCode("this is not the code of the moment", field="code")
    preference = {"Enabled": True, "PreferredMfa": True}
    _ask(user_pool.set_user_mfa_preference, AccessToken=access_token, SoftwareTokenMfaSettings=preference)


def profile(caller: Caller, tx: TenantTransaction) -> tuple[User, list[uuid.UUID]]:
    """The caller's user and the accounts he may see; NotFound when the organisation has no such user."""
    return tx.identity.user(caller.subject), tx.identity.accessible_account_ids(caller.subject, caller.role)


@contextmanager
def administered() -> Iterator[None]:
    """Around what an administrator has the pool do: its refusals in our words, UserPoolUnavailable for all others."""
    try:
        yield
    except ClientError as error:
        told = error.response["Error"]["Code"]
        if told == "InvalidPasswordException":
            raise InvalidRequest("the pool wants a stronger password", field="temporary_password") from error
        if told == "InvalidParameterException":
            raise InvalidRequest("the pool does not take this user") from error
        if told in _TOO_MANY:
            raise TooManyAttempts("the pool was asked too much; wait a little") from error
        raise UserPoolUnavailable("the user pool did not do it; try again") from error
    except BotoCoreError as error:
        raise UserPoolUnavailable("the user pool did not answer; try again") from error


def _tokens(result: dict[str, Any], refresh_token: str) -> Tokens:
    return Tokens(result["AccessToken"], result.get("RefreshToken", refresh_token), result["ExpiresIn"])


def _ask(call: Callable[..., dict[str, Any]], **parameters: Any) -> dict[str, Any]:
    try:
        return call(**parameters)
    except ClientError as error:
        told = error.response["Error"]
        # Cognito locks a user out under the name it has for a wrong password.
        if told["Code"] in _TOO_MANY or "attempts exceeded" in told.get("Message", ""):
            raise TooManyAttempts("too many attempts; wait before the next") from error
        if told["Code"] == "PasswordResetRequiredException":
            raise SignInIncomplete("the password must be reset first", challenge="PASSWORD_RESET") from error
        if told["Code"] == "InvalidPasswordException":
            raise InvalidRequest("the pool wants a stronger password", field="new_password") from error
        if told["Code"] in _WRONG_AT_ENROLMENT:
            raise WrongCode("this is not the code of the moment", field="code") from error
        if told["Code"] in _WRONG:
            raise WrongCredentials("the credentials are wrong or have expired") from error
        raise UserPoolUnavailable("the user pool did not answer") from error
    except BotoCoreError as error:
        raise UserPoolUnavailable("the user pool did not answer") from error
