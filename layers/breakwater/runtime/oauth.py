"""The token endpoint over HTTP: a form comes in, and what RFC 6749 has a word for is refused in its words."""

from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from breakwater.domain import oauth
from breakwater.domain.oauth import FORM, GRANT_TYPE, TokenRefused


class OAuthError(BaseModel):
    """RFC 6749, section 5.2. Whatever it has no word for is answered as everywhere: with problem details."""

    error: str
    error_description: str


_FORM_SCHEMA = {
    "title": "TokenRequest",
    "type": "object",
    "required": ["grant_type"],
    "properties": {
        "grant_type": {"type": "string", "enum": [GRANT_TYPE]},
        "scope": {"type": "string", "description": "With blanks between; by default all that the client has"},
        "client_id": {"type": "string", "description": "Without HTTP Basic"},
        "client_secret": {"type": "string", "description": "Without HTTP Basic"},
    },
}
TOKEN_ENDPOINT: dict[str, Any] = {"requestBody": {"required": True, "content": {FORM: {"schema": _FORM_SCHEMA}}}}
REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"model": OAuthError, "description": "The request, its grant or its scope is refused"},
    401: {"model": OAuthError, "description": "The client is not believed"},
}


def speak_oauth(api: FastAPI) -> None:
    """Refusals of the token endpoint are told as clients expect them."""
    api.add_exception_handler(TokenRefused, _refused)


async def _token_request(request: Request, authorization: Annotated[str, Header()] = "") -> oauth.TokenRequest:
    return oauth.token_request(await request.body(), request.headers.get("content-type", ""), authorization)


TokenRequest = Annotated[oauth.TokenRequest, Depends(_token_request)]


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, TokenRefused)  # noqa: S101  # Starlette types its handlers for any exception.
    told = OAuthError(error=error.code, error_description=error.message).model_dump()
    headers = {"WWW-Authenticate": 'Basic realm="breakwater"'} if error.status == 401 else None
    return JSONResponse(told, error.status, headers)
