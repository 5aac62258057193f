"""What goes wrong with a database and may pass: lost, timed out, locked too long, or a reader where the writer was."""

import psycopg

# The two that psycopg counts to the programmer's errors: after a failover a name may still lead to what is a reader
# now, and a session that idled too long in its transaction was ended by the server. A new connection mends both.
PASSING = (
    psycopg.OperationalError,
    psycopg.errors.ReadOnlySqlTransaction,
    psycopg.errors.IdleInTransactionSessionTimeout,
)
