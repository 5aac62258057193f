"""Users of the pool: made once, and the same again when told again. By provisioning, and by administrators."""

from typing import Any

from breakwater.errors import Conflict

_WAITS_FOR_FIRST_SIGN_IN = "FORCE_CHANGE_PASSWORD"


class UserPool:
    """`client` is a cognito-idp client. What Cognito refuses leaves as its own error: an operator reads it."""

    def __init__(self, client: Any, pool_id: str) -> None:
        self._client = client
        self._pool_id = pool_id

    def ensure_groups(self, groups: set[str]) -> None:
        for group in sorted(groups):
            try:
                self._client.create_group(UserPoolId=self._pool_id, GroupName=group)
            except self._client.exceptions.GroupExistsException:
                continue

    def ensure_user(self, username: str, email: str, password: str | None, groups: set[str]) -> str:
        """The user's subject. Its `org:` and `role:` groups are these afterwards, and no others.

        Conflict when the user belongs to another organisation: one token names one.
        """
        user = {"UserPoolId": self._pool_id, "Username": username}
        try:
            attributes = [{"Name": "email", "Value": email}, {"Name": "email_verified", "Value": "true"}]
            self._client.admin_create_user(**user, UserAttributes=attributes, MessageAction="SUPPRESS")
        except self._client.exceptions.UsernameExistsException:
            self._release_from_other_groups(username, groups)
        if password is not None:
            self._client.admin_set_user_password(**user, Password=password, Permanent=True)
        for group in sorted(groups):
            self._client.admin_add_user_to_group(**user, GroupName=group)
        return self._subject(username)

    def invite(self, username: str, email: str, temporary_password: str | None, groups: set[str]) -> str:
        """The subject of a new user, who chooses his password when he first signs in.

        The pool mails him a temporary one, unless one is named here. One that was made and got no further is taken up,
        however far he got; Conflict for anybody else's username.
        """
        user = {"UserPoolId": self._pool_id, "Username": username}
        self.ensure_groups({group for group in groups if group.startswith("role:")})
        (organisation,) = (group for group in groups if group.startswith("org:"))
        attributes = [
            {"Name": "email", "Value": email},
            {"Name": "email_verified", "Value": "true"},
            # Whose he is from the first moment on: his groups come later, and may not come.
            {"Name": "profile", "Value": _invited_by(organisation)},
        ]
        told = _by_mail() if temporary_password is None else _by_hand(temporary_password)
        try:
            self._client.admin_create_user(**user, UserAttributes=attributes, **told)
        except self._client.exceptions.UsernameExistsException as error:
            found = self._client.admin_get_user(**user)
            waits = found["UserStatus"] == _WAITS_FOR_FIRST_SIGN_IN
            if not self._is_of(organisation, found["UserAttributes"], username, waits=waits):
                raise Conflict("this username is taken", field="username") from error
            # The role may have been another one: a token that names two is believed by nobody.
            self._release_from_other_groups(username, groups)
            if waits:
                self.invite_again(username, temporary_password)
        # The organisation first: it says whose the user is if this gets no further.
        for group in sorted(groups):
            self._client.admin_add_user_to_group(**user, GroupName=group)
        return self._subject(username)

    def invite_again(self, username: str, temporary_password: str | None) -> None:
        """Another temporary password. Conflict for a user who has chosen one of his own."""
        user = {"UserPoolId": self._pool_id, "Username": username}
        if self._client.admin_get_user(**user)["UserStatus"] != _WAITS_FOR_FIRST_SIGN_IN:
            raise Conflict(f"{username} has signed in already")
        if temporary_password is None:
            self._client.admin_create_user(**user, **_by_mail(), MessageAction="RESEND")
        else:
            self._client.admin_set_user_password(**user, Password=temporary_password, Permanent=False)

    def reset_totp(self, username: str) -> None:
        """No code is asked for any more, and he may enrol anew. Safe to repeat."""
        off = {"Enabled": False, "PreferredMfa": False}
        self._client.admin_set_user_mfa_preference(
            UserPoolId=self._pool_id, Username=username, SoftwareTokenMfaSettings=off
        )
        self._client.admin_user_global_sign_out(UserPoolId=self._pool_id, Username=username)

    def follow(self, username: str, groups: set[str], *, is_disabled: bool) -> None:
        """What the organisation says of the user: his groups, and whether he may sign in. Safe to repeat."""
        user = {"UserPoolId": self._pool_id, "Username": username}
        self.ensure_groups({group for group in groups if group.startswith("role:")})
        self._release_from_other_groups(username, groups)
        for group in sorted(groups):
            self._client.admin_add_user_to_group(**user, GroupName=group)
        if is_disabled:
            self._client.admin_disable_user(**user)
            self._client.admin_user_global_sign_out(**user)
        else:
            self._client.admin_enable_user(**user)

    def _is_of(self, organisation: str, attributes: list[dict[str, str]], username: str, *, waits: bool) -> bool:
        """Whether an invitation of the organisation made him. Its mark counts until he signs in: then it is his."""
        user = {"UserPoolId": self._pool_id, "Username": username}
        listed = self._client.admin_list_groups_for_user(**user, Limit=60)["Groups"]
        organisations = {group["GroupName"] for group in listed if group["GroupName"].startswith("org:")}
        if organisations:
            return organisations == {organisation}
        return waits and {"Name": "profile", "Value": _invited_by(organisation)} in attributes

    def _subject(self, username: str) -> str:
        stored = self._client.admin_get_user(UserPoolId=self._pool_id, Username=username)["UserAttributes"]
        return next(str(attribute["Value"]) for attribute in stored if attribute["Name"] == "sub")

    def _release_from_other_groups(self, username: str, groups: set[str]) -> None:
        user = {"UserPoolId": self._pool_id, "Username": username}
        listed = self._client.admin_list_groups_for_user(**user, Limit=60)["Groups"]
        others = {group["GroupName"] for group in listed} - groups
        if any(group.startswith("org:") for group in others):
            raise Conflict(f"the user {username} belongs to another organisation")
        for group in others:
            if group.startswith("role:"):
                self._client.admin_remove_user_from_group(**user, GroupName=group)


def _invited_by(organisation: str) -> str:
    return f"invited by {organisation}"


def _by_mail() -> dict[str, Any]:
    return {"DesiredDeliveryMediums": ["EMAIL"]}


def _by_hand(temporary_password: str) -> dict[str, Any]:
    return {"TemporaryPassword": temporary_password, "MessageAction": "SUPPRESS"}
