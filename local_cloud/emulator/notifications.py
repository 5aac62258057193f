"""What SNS, SES and user pools would send by email or SMS is delivered to the outbox of the local run."""

from ministack.services import cognito, ses_v2, sns

from .patching import rewrite_function

_EMAIL_STUB = '            logger.info("SNS fanout → email %s (stub)", endpoint)\n'
_SMS_STUB = '            logger.info("SNS fanout → SMS %s (stub)", endpoint)\n'
# To a number, without a topic.
_TEXT = '        logger.info("SNS SMS to %s: %s", phone_number, message[:80])\n'
_DELIVER_TEXT = '        _breakwater_deliver_to_outbox("sms", phone_number, subject, message)\n'
_POOL_MAIL = """    body_text = "" if _looks_like_html(body) else body\n"""
_SES_MAIL = '        logger.info("SESv2 SendEmail: MessageId=%s | %s -> %s%s", msg_id, source, to_addrs,\n'
_DELIVER_SES = """        for _address in all_addrs:
            _breakwater_deliver_to_outbox("email", _address, subj, body_text, body_html)
"""
_DELIVER = "            _breakwater_deliver_to_outbox(protocol, endpoint, subject, effective_message)\n"


def apply(outbox_url: str) -> None:
    def deliver(kind: str, endpoint: str, subject: str, message: str, html: str | None = None) -> None:
        sent = {"kind": kind, "to": endpoint, "subject": subject, "message": message, "html": html}
        payload = sns.json.dumps(sent)
        # On a thread of its own, as ministack does for HTTP subscribers: publishing never waits for a delivery.
        sns._threading.Thread(
            target=sns.asyncio.run, args=(sns._deliver_to_http(outbox_url, payload),), daemon=True
        ).start()

    rewrite_function(
        sns, "_fanout", (_EMAIL_STUB, _DELIVER), (_SMS_STUB, _DELIVER), _breakwater_deliver_to_outbox=deliver
    )
    rewrite_function(sns, "_publish", (_TEXT, _DELIVER_TEXT + _TEXT))
    rewrite_function(
        cognito,
        "_deliver_cognito_email",
        (_POOL_MAIL, '    _breakwater_deliver_to_outbox("email", to_email, subject, body)\n' + _POOL_MAIL),
        _breakwater_deliver_to_outbox=deliver,
    )
    rewrite_function(
        ses_v2, "handle_request", (_SES_MAIL, _DELIVER_SES + _SES_MAIL), _breakwater_deliver_to_outbox=deliver
    )
