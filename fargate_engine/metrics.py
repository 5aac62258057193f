"""What Prometheus reads at /metrics."""

from prometheus_client import Counter, Gauge, Histogram

_LATENCY_BUCKETS_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)

COMMIT_SECONDS = Histogram("engine_journal_commit_seconds", "One batch's commit", buckets=_LATENCY_BUCKETS_S)
BATCH_COMMANDS = Histogram(
    "engine_journal_batch_commands", "Commands in one batch", buckets=(1, 2, 5, 10, 20, 50, 100, 256, 1024, 4096)
)
REQUEST_SECONDS = Histogram(
    "engine_request_seconds", "Gateway requests", ["route", "status"], buckets=_LATENCY_BUCKETS_S
)
INBOX_DEPTH = Gauge("engine_inbox_depth", "Commands and venue reports that wait for the sequencer", ["shard"])
JOURNAL_SEQ = Gauge("engine_journal_seq", "The last sequence number written, or read by a follower", ["shard"])
OPEN_ORDERS = Gauge("engine_open_orders", "Orders that are not final", ["shard"])
SHARD_SERVED = Gauge("engine_shard_served", "1 where this engine takes the shard's orders", ["shard"])
VENUE_FILLS_REFUSED = Counter("engine_venue_fills_refused_total", "Fills told by a venue that cannot be")
VENUE_WEIGHT_USED = Gauge("engine_venue_weight_used", "Of the venue's rate limit, in its weights", ["venue"])
VENUE_WEIGHT_MAX = Gauge("engine_venue_weight_max", "The venue's rate limit, in its weights", ["venue"])
VENUE_BREAKER_OPEN = Gauge("engine_venue_breaker_open", "1 while the circuit breaker keeps requests back", ["venue"])
VENUE_STREAM_UP = Gauge("engine_venue_stream_up", "1 while the private stream is connected", ["venue"])
VENUE_UNRESOLVED = Gauge("engine_venue_unresolved", "Orders whose outcome at the venue is not known yet", ["venue"])
VENUE_FINDINGS = Gauge("engine_venue_findings", "Differences that the newest reconciliation found", ["venue", "kind"])
VENUE_SECONDS = Histogram(
    "engine_venue_request_seconds", "Requests to venues", ["venue", "request", "outcome"], buckets=_LATENCY_BUCKETS_S
)
CHANNEL_CONNECTIONS = Gauge("engine_channel_connections", "Open WebSockets of the channels")
MARKET_AGE_SECONDS = Gauge(
    "engine_market_age_seconds", "Since anything was told of a market's book", ["venue", "symbol"]
)
OUTBOX_BACKLOG = Gauge("engine_outbox_backlog", "Events that wait for publication")
OUTBOX_AGE_SECONDS = Gauge("engine_outbox_age_seconds", "How long the oldest of them has waited")
PUBLISHED = Counter("engine_events_published_total", "Events the relay published")
