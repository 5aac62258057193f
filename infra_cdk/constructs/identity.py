from typing import Any

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_cognito as cognito
from constructs import Construct

from infra_cdk.constructs.web_options import SIGNED_IN_PATH, web_options
from infra_cdk.findings import accept


class Identity(Construct):
    """The user pool: nobody signs up alone, tokens live an hour, who enrolled a second factor (TOTP) is asked for it.

    By whom it must be enrolled, a role says (`second_factor_roles` in cdk.json): without it nothing else is let to him.
    """

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.pool = cognito.UserPool(
            self,
            "Pool",
            self_sign_up_enabled=False,
            sign_in_aliases=cognito.SignInAliases(username=True),
            sign_in_case_sensitive=False,
            password_policy=cognito.PasswordPolicy(
                min_length=12,
                require_digits=True,
                require_lowercase=True,
                require_uppercase=True,
                require_symbols=True,
                temp_password_validity=Duration.days(3),
            ),
            mfa=cognito.Mfa.OPTIONAL,
            mfa_second_factor=cognito.MfaSecondFactor(otp=True, sms=False),
            account_recovery=cognito.AccountRecovery.EMAIL_ONLY,
            deletion_protection=True,
            removal_policy=RemovalPolicy.RETAIN,
        )
        web = web_options(self)
        self.sign_in_url: str | None = None
        page: dict[str, Any] = {"disable_o_auth": True}
        if web is not None and web.sign_in_prefix is not None:
            domain = self.pool.add_domain(
                "SignIn", cognito_domain=cognito.CognitoDomainOptions(domain_prefix=web.sign_in_prefix)
            )
            self.sign_in_url = domain.base_url()
            page = {"o_auth": self._code_flow(str(web.origin))}
        self.client = self.pool.add_client(
            "Client",
            auth_flows=cognito.AuthFlow(user_password=True, user_srp=True),
            **page,
            generate_secret=False,  # A browser and a command line cannot keep one.
            prevent_user_existence_errors=True,
            enable_token_revocation=True,
            access_token_validity=Duration.hours(1),
            id_token_validity=Duration.hours(1),
            refresh_token_validity=Duration.days(1),
        )
        accept(self, "COG2", "TOTP is forced by role, and by our API: the pool would force it on all, or on nobody.")
        accept(self, "COG3", "Threat protection is billed by user; sign-in is throttled at the API, a firm may add it.")
        accept(self, "COG8", "The Plus plan only adds threat protection, see COG3.")

    def _code_flow(self, origin: str) -> cognito.OAuthSettings:
        """With a code alone, and back to the web app alone."""
        return cognito.OAuthSettings(
            flows=cognito.OAuthFlows(authorization_code_grant=True),
            # The last: a person's own token ends his sessions.
            scopes=[cognito.OAuthScope.OPENID, cognito.OAuthScope.PROFILE, cognito.OAuthScope.COGNITO_ADMIN],
            callback_urls=[f"{origin}{SIGNED_IN_PATH}"],
            logout_urls=[f"{origin}/"],
        )
