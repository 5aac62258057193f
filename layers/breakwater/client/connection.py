"""Who is calling, and one call of theirs: signed in by a session that renews itself, or with an API key."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, cast
from urllib.parse import quote

import httpx

from breakwater.client.shapes import Json, Page, Session
from breakwater.client.transport import Problem, Transport, json_object

TIMEOUT = httpx.Timeout(30.0, connect=3.0)  # Longer than the order saga may take.
REFRESH_AHEAD_S = 60


class Connection:
    def __init__(
        self,
        api_url: str,
        *,
        session: Session | None = None,
        api_key: str | None = None,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Signed in by `session` or `sign_in`, or with an `api_key` in place of both."""
        self._http = httpx.Client(base_url=api_url, timeout=TIMEOUT, transport=transport)
        self._transport = Transport(self._http, sleep=sleep)
        self._api_key = api_key
        self._now = now
        self.session = session

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def sign_in(
        self, username: str, password: str, code: str | None = None, *, new_password: str | None = None
    ) -> Session:
        """`new_password`: the one that an invited user chooses with his temporary one."""
        body = {"username": username, "password": password} | given(code=code or None, new_password=new_password)
        return self._start_session(self._open("POST", "/auth/sign-in", body))

    def sign_out(self, *, everywhere: bool = False) -> None:
        """Ends the session on the server too, or every one of the user; harmless when there is none."""
        if self.session is None:
            return
        self._call("POST", "/auth/sign-out", body={"everywhere": True} if everywhere else None)
        self.session = None

    # -- inside --------------------------------------------------------------------------------------------------

    def _start_session(self, answer: Json) -> Session:
        self.session = Session(
            access_token=answer["access_token"],
            # A refresh may keep the refresh token it was given.
            refresh_token=answer.get("refresh_token") or (self.session.refresh_token if self.session else ""),
            expires_at=self._now() + int(answer["expires_in"]),
        )
        return self.session

    def _authorization(self) -> dict[str, str]:
        if self._api_key:
            return {"Authorization": f"ApiKey {self._api_key}"}
        if self.session is None:
            raise Problem(401, {"code": "NOT_SIGNED_IN", "detail": "sign in first"})
        if self._now() > self.session.expires_at - REFRESH_AHEAD_S:
            self._start_session(self._open("POST", "/auth/refresh", {"refresh_token": self.session.refresh_token}))
        return {"Authorization": f"Bearer {self.session.access_token}"}

    def _open(self, method: str, path: str, body: Json | None = None) -> Json:
        response = self._transport.send(method, path, headers={}, params=None, body=body, repeatable=False)
        return json_object(response)

    def _call(
        self, method: str, path: str, *, params: Json | None = None, body: Json | None = None, repeatable: bool = False
    ) -> Json:
        response = self._transport.send(
            method,
            path,
            headers=self._authorization(),
            params=params,
            body=body,
            repeatable=repeatable or method == "GET",
        )
        return json_object(response)

    def _page(self, path: str, **params: str | int | None) -> Page:
        return cast("Page", self._call("GET", path, params=given(**params)))


def segment(part: str) -> str:
    """An id as one segment of a path, whatever is in it: `?account_id=` must not become "cancel all"."""
    return quote(part, safe="")


def given(**members: object) -> Json:
    """Those that were said."""
    return {name: value for name, value in members.items() if value is not None}
