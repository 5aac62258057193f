"""HTTP API: a failed function answers 500 as on AWS, payload 2.0 has the cookies, a template's CORS is kept."""

from collections.abc import Callable
from typing import Any

from ministack.services import apigateway, lambda_svc

from .patching import rewrite_function

INTERNAL_SERVER_ERROR = {
    "statusCode": 500,
    "headers": {"Content-Type": "application/json"},
    "body": '{"message":"Internal Server Error"}',
}


def apply() -> None:
    rewrite_function(
        lambda_svc,
        "lambda_execute_result_to_api_proxy_response",
        (
            """\
        payload = json.dumps(err_body) if isinstance(err_body, dict) else str(err_body)
        return {
            "statusCode": 502,
            "headers": {"Content-Type": "application/json"},
            "body": payload,
        }, None
""",
            "        return dict(_BREAKWATER_INTERNAL_SERVER_ERROR), None\n",
        ),
        _BREAKWATER_INTERNAL_SERVER_ERROR=INTERNAL_SERVER_ERROR,
    )
    rewrite_function(
        apigateway,
        "_invoke_lambda_proxy",
        (
            "    if qs:\n",
            """\
    cookies = event["headers"].pop("cookie", None)
    if cookies:
        event["cookies"] = [cookie.strip() for cookie in cookies.split(";")]
    if qs:
""",
        ),
    )
    for name in ("_cors_response_headers", "_cors_preflight_response"):
        setattr(apigateway, name, _by_names_of_the_api(getattr(apigateway, name)))


def _by_names_of_the_api(answer: Callable[[dict[str, Any], str], Any]) -> Callable[[dict[str, Any], str], Any]:
    """CloudFormation writes AllowOrigins where the API has allowOrigins; ministack keeps what the template said."""

    def answer_to(configuration: dict[str, Any], origin: str) -> Any:
        return answer({name[:1].lower() + name[1:]: value for name, value in configuration.items()}, origin)

    return answer_to
