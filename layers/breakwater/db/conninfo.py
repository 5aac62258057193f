"""Where the database is, and when a connection to it is given up although nobody said that it is over.

The server's own time-outs end a slow statement. They do not help when its host is gone, or its packets are: then
nothing ever comes, and only this side can notice. On Aurora that is what a failover looks like.
"""

import json

from psycopg.conninfo import make_conninfo


def conninfo_of(secret_text: str) -> str:
    """From the JSON of a secret {username, password, host, port, dbname}."""
    secret = json.loads(secret_text)
    is_here = secret["host"].startswith("/") or secret["host"] in {"127.0.0.1", "localhost"}
    return make_conninfo(
        user=secret["username"],
        password=secret["password"],
        host=secret["host"],
        port=secret["port"],
        dbname=secret["dbname"],
        sslmode="prefer" if is_here else "require",  # A password never goes over a network in clear.
    )


def noticing_silence(conninfo: str) -> str:
    """The conninfo with the bounds for a host that does not answer; a unix socket ignores all but the first.

    While an answer is waited for nothing is sent, so only keepalives find a dead host: after 2 s of silence, then
    three times a second apart. What was sent and is not acknowledged is given up after the same 5 s. A Lambda sandbox
    that was frozen between two requests loses nothing by it: its first probe after it wakes is answered.
    """
    return make_conninfo(
        conninfo,
        connect_timeout=3,
        keepalives=1,
        keepalives_idle=2,
        keepalives_interval=1,
        keepalives_count=3,
        tcp_user_timeout=5_000,  # Milliseconds.
    )
