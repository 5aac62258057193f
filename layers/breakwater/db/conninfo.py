"""Where the database is, and when a connection to it is given up although nobody said that it is over.

The server's own time-outs end a slow statement. They do not help when its host is gone, or its packets are: then
nothing ever comes, and only this side can notice. On Aurora that is what a failover looks like.
"""

import json
import re
from pathlib import Path

from psycopg.conninfo import make_conninfo

AUTHORITIES = Path(__file__).with_name("database_authorities")  # Amazon's, a file for each region.
_AMAZON = re.compile(r"\.([a-z0-9-]+)\.rds\.amazonaws\.com(?:\.cn)?$")


def conninfo_of(secret_text: str) -> str:
    """From the JSON of a secret {username, password, host, port, dbname}.

    On a network the server shows a certificate of its name before it is told a password: from an authority of Amazon's
    where it is one of Amazon's, elsewhere from one of the system's (or of the file that SSL_CERT_FILE names).
    """
    secret = json.loads(secret_text)
    is_here = secret["host"].startswith("/") or secret["host"] in {"127.0.0.1", "localhost"}
    region = _AMAZON.search(secret["host"])
    believed = "system" if region is None else str(AUTHORITIES / f"{region[1]}.pem")
    tls = {"sslmode": "prefer"} if is_here else {"sslmode": "verify-full", "sslrootcert": believed}
    return make_conninfo(
        user=secret["username"],
        password=secret["password"],
        host=secret["host"],
        port=secret["port"],
        dbname=secret["dbname"],
        **tls,
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
