"""What the web app's bucket is given, in which order, and where the app is told that the platform is."""

import json
from pathlib import Path
from typing import Any

import pytest

from local_cloud.platform import LocalCloudError
from local_cloud.web_upload import upload, web_configuration

OUTPUTS = {
    "BreakwaterControl": {
        "ApiUrl": "https://a1.execute-api.eu-central-1.amazonaws.com/",
        "WebSocketUrl": "wss://b2.execute-api.eu-central-1.amazonaws.com/live",
    },
    "BreakwaterWeb": {"WebUrl": "https://app.example.com"},
}


class Bucket:
    def __init__(self) -> None:
        self.put: list[dict[str, Any]] = []

    def put_object(self, **told: Any) -> None:
        self.put.append(told)


@pytest.mark.parametrize(
    ("context", "api_url"),
    [
        ({"edge": None}, "https://a1.execute-api.eu-central-1.amazonaws.com"),
        ({"edge": {"domain_name": "api.example.com", "certificate_arn": "…"}}, "https://api.example.com"),
        ({"public_api_url": "https://front.example.com"}, "https://front.example.com"),
    ],
)
def test_the_app_calls_the_api_where_people_reach_it(context: dict[str, Any], api_url: str) -> None:
    assert web_configuration(OUTPUTS, context) == {
        "api_url": api_url,
        "ws_url": "wss://b2.execute-api.eu-central-1.amazonaws.com/live",
        "engine_url": "https://app.example.com",
    }


def test_people_sign_in_at_the_user_pool_where_it_has_a_page_or_at_the_firms_issuer() -> None:
    pool = {"SignInUrl": "https://firm.auth.eu-central-1.amazoncognito.com", "UserPoolClientId": "4c"}
    oidc = web_configuration(OUTPUTS | {"BreakwaterState": pool}, {})["oidc"]
    assert (oidc["client_id"], oidc["token_url"]) == ("4c", f"{pool['SignInUrl']}/oauth2/token")
    told = {"client_id": "desk"}
    assert web_configuration(OUTPUTS, {"web": {"oidc": told}})["oidc"] == told


def test_the_page_comes_after_what_it_names(tmp_path: Path) -> None:
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "index-abc.js").write_text("void 0")
    (tmp_path / "assets" / "index-abc.js.br").write_bytes(b"for the local server: CloudFront compresses by itself")
    (tmp_path / "index.html").write_text("<!doctype html>")
    (tmp_path / "manifest.webmanifest").write_text("{}")
    (tmp_path / ".built").touch()  # Of make, not of the app.
    bucket = Bucket()
    assert upload(tmp_path, {"api_url": "https://a"}, "files", bucket) == 4
    assert [each["Key"] for each in bucket.put] == [
        "config.json",
        "assets/index-abc.js",
        "manifest.webmanifest",
        "index.html",
    ]
    put = {each["Key"]: each for each in bucket.put}
    assert json.loads(put["config.json"]["Body"]) == {"api_url": "https://a"}
    assert "immutable" in put["assets/index-abc.js"]["CacheControl"]
    assert {put[key]["CacheControl"] for key in ("config.json", "index.html")} == {"no-cache"}
    assert put["manifest.webmanifest"]["ContentType"] == "application/manifest+json"
    assert put["index.html"]["ContentType"] == "text/html; charset=utf-8"


def test_an_app_that_is_not_built_is_not_uploaded(tmp_path: Path) -> None:
    bucket = Bucket()
    with pytest.raises(LocalCloudError, match="not built"):
        upload(tmp_path, {}, "files", bucket)
    assert bucket.put == []
