"""The client's calls about OAuth clients of third parties."""

from breakwater.client.connection import Connection, given, segment
from breakwater.client.shapes import Json


class OAuthCalls(Connection):
    def oauth_clients(self) -> list[Json]:
        """The newest first, and those that do not work any more after all that do."""
        items: list[Json] = self._call("GET", "/oauth-clients")["items"]
        return items

    def create_oauth_client(
        self,
        name: str,
        user_id: str,
        scopes: list[str],
        *,
        ip_allow: list[str] | None = None,
        expires_at: str | None = None,
        requests_per_minute_max: int | None = None,
    ) -> Json:
        """A client that may do what the user may, within its scopes. The only answer that shows `client_secret`."""
        options = given(ip_allow=ip_allow, expires_at=expires_at, requests_per_minute_max=requests_per_minute_max)
        body = {"name": name, "user_id": user_id, "scopes": scopes} | options
        return self._call("POST", "/oauth-clients", body=body)

    def rotate_oauth_client(self, client_id: str, *, overlap_s: int | None = None) -> Json:
        """Another `client_secret`, shown in this answer alone; the one before works for the overlap, a day."""
        return self._call("POST", f"/oauth-clients/{segment(client_id)}/rotate", body=given(overlap_s=overlap_s))

    def revoke_oauth_client(self, client_id: str) -> None:
        """With all of its tokens, within five seconds."""
        self._call("DELETE", f"/oauth-clients/{segment(client_id)}", repeatable=True)
