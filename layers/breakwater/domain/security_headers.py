"""What every answer tells a browser, of functions and engine alike: each header with its one value.

After OWASP's REST security cheat sheet: an answer is data, never a page; it is not kept, framed, sniffed or run.
"""

SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
