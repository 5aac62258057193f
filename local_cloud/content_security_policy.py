"""What a browser lets the web app do: the same text from the local server and from CloudFront."""

from collections.abc import Iterable

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}


def content_security_policy(origins: Iterable[str]) -> str:
    """Scripts of the app's own files alone, and connections to these origins alone.

    Styles may stand in the page: the component library sizes its frame with them. They can load nothing.
    """
    return "; ".join(
        (
            *("default-src 'none'", "script-src 'self'", "style-src 'self' 'unsafe-inline'"),
            *("img-src 'self' data:", "font-src 'self'", "manifest-src 'self'", "worker-src 'self'"),
            " ".join(("connect-src 'self'", *origins)),
            *("base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"),
        )
    )
