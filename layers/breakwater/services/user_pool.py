"""Users of the pool, for provisioning: made once, and the same again when told again."""

from typing import Any

from breakwater.errors import Conflict


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
        stored = self._client.admin_get_user(**user)["UserAttributes"]
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
