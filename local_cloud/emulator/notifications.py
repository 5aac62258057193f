"""SNS: what would go out by email or SMS is delivered to the inbox page of the local run; ministack only logs it."""

from ministack.services import sns

from .patching import rewrite_function

_EMAIL_STUB = '            logger.info("SNS fanout → email %s (stub)", endpoint)\n'
_SMS_STUB = '            logger.info("SNS fanout → SMS %s (stub)", endpoint)\n'
_DELIVER = "            _breakwater_deliver_to_inbox(protocol, endpoint, subject, effective_message)\n"


def apply(inbox_url: str) -> None:
    def deliver(protocol: str, endpoint: str, subject: str, message: str) -> None:
        payload = sns.json.dumps({"protocol": protocol, "to": endpoint, "subject": subject, "message": message})
        # On a thread of its own, as ministack does for HTTP subscribers: publishing never waits for a delivery.
        sns._threading.Thread(
            target=sns.asyncio.run, args=(sns._deliver_to_http(inbox_url, payload),), daemon=True
        ).start()

    rewrite_function(
        sns, "_fanout", (_EMAIL_STUB, _DELIVER), (_SMS_STUB, _DELIVER), _breakwater_deliver_to_inbox=deliver
    )
