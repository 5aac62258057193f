"""`python -m local_cloud.web_upload <outputs files of cdk>`: the built web app into its bucket, and `config.json`."""

import json
import sys
from pathlib import Path
from typing import Any

import boto3

from local_cloud.platform import REPOSITORY, LocalCloudError
from local_cloud.web_server import BUILT, NAMED_BY_CONTENT, built_files, content_type_of

CDK_SETTINGS = REPOSITORY / "cdk.json"
KEPT = "public, max-age=31536000, immutable"
ASKED_AGAIN = "no-cache"


def web_configuration(outputs: dict[str, dict[str, str]], context: dict[str, Any]) -> dict[str, Any]:
    """What the app reads first: where the platform is. KeyError where a stack is not deployed yet."""
    told = {name: value for stack in outputs.values() for name, value in stack.items()}
    edge = context.get("edge")
    api_url = context.get("public_api_url") or (f"https://{edge['domain_name']}" if edge else told["ApiUrl"])
    oidc = (context.get("web") or {}).get("oidc") or _user_pool(told)
    return {
        "api_url": api_url.rstrip("/"),
        "ws_url": told["WebSocketUrl"],
        "engine_url": told["WebUrl"],  # CloudFront passes its channels on.
        **({} if oidc is None else {"oidc": oidc}),
    }


def _user_pool(told: dict[str, str]) -> dict[str, str] | None:
    """Its own sign-in page, where it has one; without it the app asks for the password itself."""
    if "SignInUrl" not in told:
        return None
    return {
        "authorization_url": f"{told['SignInUrl']}/oauth2/authorize",
        "token_url": f"{told['SignInUrl']}/oauth2/token",
        "client_id": told["UserPoolClientId"],
        "scopes": "openid profile aws.cognito.signin.user.admin",
        "end_session_url": f"{told['SignInUrl']}/logout",
    }


def upload(folder: Path, configuration: dict[str, Any], bucket: str, s3: Any) -> int:
    """How many files. Those named by their content come first: the page that names them must find them there.

    Older ones stay: who opened the app before goes on with them. LocalCloudError for an app that is not built.
    """
    if not (folder / "index.html").is_file():
        raise LocalCloudError("the web app is not built: `make deploy-web` builds it")
    paths = [path for path in built_files(folder) if not path.name.startswith(".")]
    paths.sort(key=lambda path: (not _is_kept(path, folder), path.name == "index.html", path))
    _put(s3, bucket, "config.json", json.dumps(configuration).encode(), "application/json", is_kept=False)
    for path in paths:
        key = str(path.relative_to(folder))
        _put(s3, bucket, key, path.read_bytes(), content_type_of(path), is_kept=_is_kept(path, folder))
    return len(paths) + 1


def _is_kept(path: Path, folder: Path) -> bool:
    return path.relative_to(folder).parts[0] == NAMED_BY_CONTENT


def _put(s3: Any, bucket: str, key: str, body: bytes, content_type: str, *, is_kept: bool) -> None:
    cached = KEPT if is_kept else ASKED_AGAIN
    s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType=content_type, CacheControl=cached)


if __name__ == "__main__":
    outputs = {name: told for file in sys.argv[1:] for name, told in json.loads(Path(file).read_text()).items()}
    settings = json.loads(CDK_SETTINGS.read_text())["context"]
    configuration = web_configuration(outputs, settings)
    count = upload(BUILT, configuration, outputs["BreakwaterWeb"]["WebBucketName"], boto3.client("s3"))
    print(f"{count} files; the app is at {configuration['engine_url']}")
