"""The client's calls about people: users with their roles and accounts, and groups."""

from breakwater.client.connection import Connection, given, segment
from breakwater.client.shapes import Amount, Json, Page, amount_text


class PeopleCalls(Connection):
    def users(self, *, cursor: str | None = None) -> Page:
        """The newest first. `account_ids` are those a user reaches in any way; with `sees_all_accounts` he sees all."""
        return self._page("/users", cursor=cursor)

    def user(self, user_id: str) -> Json:
        return self._call("GET", f"/users/{segment(user_id)}")

    def invite(
        self,
        username: str,
        email: str,
        role: str,
        *,
        temporary_password: str | None = None,
        issuer_subject: str | None = None,
    ) -> Json:
        """The new user. With a temporary password the pool mails nothing: whoever invites tells it.

        `issuer_subject`: what the firm's own OIDC issuer calls him, if he signs in there.
        """
        body = {"username": username, "email": email, "role": role}
        options = given(temporary_password=temporary_password, issuer_subject=issuer_subject)
        return self._call("POST", "/users", body=body | options)

    def sessions(self, user_id: str | None = None) -> list[Json]:
        """Where the user is signed in, or the caller himself: the one seen last comes first."""
        sessions: list[Json] = self._call("GET", f"/users/{segment(user_id or 'me')}/sessions")["items"]
        return sessions

    def end_session(self, session_id: str, user_id: str | None = None) -> None:
        """No token of it is believed any more, within five seconds."""
        path = f"/users/{segment(user_id or 'me')}/sessions/{segment(session_id)}"
        self._call("DELETE", path, repeatable=True)

    def enrol_totp(self) -> Json:
        """`secret` and `otpauth_uri` for an authenticator app; it counts once `verify_totp` was given a code."""
        return self._call("POST", "/users/me/totp")

    def verify_totp(self, code: str) -> None:
        self._call("POST", "/users/me/totp/verify", body={"code": code})

    def reset_totp(self, user_id: str) -> None:
        """Takes somebody's second factor, and ends his sessions: he enrols another."""
        self._call("DELETE", f"/users/{segment(user_id)}/totp", repeatable=True)

    def telegram_link(self) -> Json:
        """`is_linked`: whether a chat with the `bot` speaks for the caller."""
        return self._call("GET", "/contacts/me/telegram")

    def ask_telegram_code(self) -> Json:
        """A `code` for the bot, until `expires_at`; `link` opens the bot with it."""
        return self._call("POST", "/contacts/me/telegram")

    def end_telegram_link(self) -> None:
        self._call("DELETE", "/contacts/me/telegram", repeatable=True)

    def invite_again(self, user_id: str, *, temporary_password: str | None = None) -> None:
        """Another temporary password, for a user who has not chosen one of his own."""
        body = given(temporary_password=temporary_password)
        self._call("POST", f"/users/{segment(user_id)}/invitation", body=body)

    def change_user(self, user_id: str, *, role: str | None = None, is_disabled: bool | None = None) -> Json:
        """What is left out stays. It counts within five seconds, everywhere."""
        body = given(role=role, is_disabled=is_disabled)
        return self._call("PATCH", f"/users/{segment(user_id)}", body=body, repeatable=True)

    def give_account(self, user_id: str, account_id: str) -> None:
        self._call("PUT", f"/users/{segment(user_id)}/accounts/{segment(account_id)}", repeatable=True)

    def take_account(self, user_id: str, account_id: str) -> None:
        self._call("DELETE", f"/users/{segment(user_id)}/accounts/{segment(account_id)}", repeatable=True)

    def give_node(self, user_id: str, node_id: str) -> None:
        """All accounts that are, or come, below the node."""
        self._call("PUT", f"/users/{segment(user_id)}/nodes/{segment(node_id)}", repeatable=True)

    def take_node(self, user_id: str, node_id: str) -> None:
        self._call("DELETE", f"/users/{segment(user_id)}/nodes/{segment(node_id)}", repeatable=True)

    def groups(self) -> list[Json]:
        """By name, each with `member_ids` and `account_ids`."""
        groups: list[Json] = self._call("GET", "/groups")["items"]
        return groups

    def group(self, group_id: str) -> Json:
        return self._call("GET", f"/groups/{segment(group_id)}")

    def create_group(self, name: str) -> Json:
        return self._call("POST", "/groups", body={"name": name})

    def delete_group(self, group_id: str) -> None:
        self._call("DELETE", f"/groups/{segment(group_id)}")

    def add_member(self, group_id: str, user_id: str) -> None:
        self._call("PUT", f"/groups/{segment(group_id)}/members/{segment(user_id)}", repeatable=True)

    def remove_member(self, group_id: str, user_id: str) -> None:
        self._call("DELETE", f"/groups/{segment(group_id)}/members/{segment(user_id)}", repeatable=True)

    def give_group_account(self, group_id: str, account_id: str) -> None:
        self._call("PUT", f"/groups/{segment(group_id)}/accounts/{segment(account_id)}", repeatable=True)

    def take_group_account(self, group_id: str, account_id: str) -> None:
        self._call("DELETE", f"/groups/{segment(group_id)}/accounts/{segment(account_id)}", repeatable=True)

    def accounts(self) -> list[Json]:
        """Those that the caller reaches, by name."""
        accounts: list[Json] = self._call("GET", "/accounts")["items"]
        return accounts

    def create_account(
        self,
        parent_id: str,
        name: str,
        *,
        kind: str | None = None,
        base_currency: str | None = None,
        balances: dict[str, Amount] | None = None,
    ) -> Json:
        """Below a node; a paper account, unless `kind` says LIVE. Who is assigned to a node above reaches it."""
        told = balances and {asset: amount_text(asset, total) for asset, total in balances.items()}
        options = given(kind=kind, base_currency=base_currency, balances=told)
        return self._call("POST", "/accounts", body={"parent_id": parent_id, "name": name} | options)
