"""Sends to endpoints that answer soon."""

from breakwater.runtime.webhooks import sender_handler

handler = sender_handler(is_careful=False)
