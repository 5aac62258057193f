"""What signing in relies on of the emulated pool: codes that are checked, and sessions that keep their name."""

import base64
import time
from typing import Any

import pytest

from breakwater.domain.access_tokens import session_of_pool
from breakwater.errors import Rejection
from breakwater.services import identity
from breakwater.services.user_pool import UserPool
from local_cloud.deployment import aws_client
from tests.integration.local_cloud.conftest import RunningEmulator
from tests.support.totp import totp

USERNAME, PASSWORD = "dora", "Correct-horse-1"


def test_the_codes_are_those_of_the_standard() -> None:
    """The test vectors of RFC 6238, appendix B, for SHA-1, in their last six digits."""
    secret = base64.b32encode(b"12345678901234567890").decode()
    assert [totp(secret, at_s) for at_s in (59, 1_111_111_109, 2_000_000_000)] == ["287082", "081804", "279037"]


def test_a_second_factor_is_enrolled_asked_for_and_reset_at_the_emulated_pool(emulator: RunningEmulator) -> None:
    cognito = aws_client(emulator.platform, "cognito-idp")
    pool_id = cognito.create_user_pool(PoolName="people", MfaConfiguration="OPTIONAL")["UserPool"]["Id"]
    flows = ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
    client_id = cognito.create_user_pool_client(UserPoolId=pool_id, ClientName="app", ExplicitAuthFlows=flows)[
        "UserPoolClient"
    ]["ClientId"]
    pool = UserPool(cognito, pool_id)
    pool.ensure_user(USERNAME, "dora@example.com", PASSWORD, set())

    def sign_in(code: str | None = None) -> tuple[identity.Tokens, bool]:
        return identity.sign_in(cognito, client_id, username=USERNAME, password=PASSWORD, code=code)

    def wrong(secret: str) -> str:
        """A code of no moment near this one."""
        near: Any = {totp(secret, time.time() + 30 * step) for step in range(-3, 4)}
        return next(code for code in (f"{number:06d}" for number in range(10)) if code not in near)

    tokens, with_code = sign_in()
    assert not with_code
    # A refresh stays in its session, and another sign-in is another.
    refreshed = identity.refresh(cognito, client_id, tokens.refresh_token)
    assert session_of_pool(refreshed.access_token).session_id == session_of_pool(tokens.access_token).session_id
    assert session_of_pool(sign_in()[0].access_token).session_id != session_of_pool(tokens.access_token).session_id

    secret = identity.enrol_totp(cognito, tokens.access_token, USERNAME).secret
    with pytest.raises(identity.WrongCode):
        identity.confirm_totp(cognito, tokens.access_token, wrong(secret))
    assert not sign_in()[1]
    identity.confirm_totp(cognito, tokens.access_token, totp(secret, time.time()))
    with pytest.raises(identity.TotpEnrolled):
        identity.enrol_totp(cognito, tokens.access_token, USERNAME)

    with pytest.raises(identity.CodeRequired):
        sign_in()
    with pytest.raises(Rejection):
        sign_in(wrong(secret))
    assert sign_in(totp(secret, time.time()))[1]
    pool.reset_totp(USERNAME)
    assert not sign_in()[1]
