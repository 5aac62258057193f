"""The ways by which alerts leave: texts and mails through SNS, Slack, Telegram, web push. Each takes some seconds."""

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from breakwater.domain.alerting import Channel
from breakwater.errors import Unavailable
from breakwater.runtime.aws import client
from breakwater.runtime.push import push_to_browser
from breakwater.runtime.settings import settings
from breakwater.runtime.slack import post_to_slack
from breakwater.runtime.telegram import send_to_chat
from breakwater.services.alert_messages import Parcel, mail_text, sms_text, subject
from breakwater.services.alert_sending import NotTaken, Sender

SNS_READ_TIMEOUT_S = 3
# What SNS says of the message and not of itself: another time it says the same.
_FINAL = frozenset(
    {"InvalidParameter", "InvalidParameterValue", "OptedOut", "ParameterValueInvalid", "ValidationException"}
)


def publish_mail(parcel: Parcel, tenant_id: uuid.UUID) -> None:
    """To one reader, by the filter on his address: SNS hands it to him once he has confirmed."""
    publish(
        TopicArn=settings().alert_topic_arn,
        Subject=subject(parcel),
        Message=mail_text(parcel),
        MessageAttributes={
            "tenant_id": {"DataType": "String", "StringValue": str(tenant_id)},
            "address": {"DataType": "String.Array", "StringValue": json.dumps(parcel.destinations)},
        },
    )


def publish_text(parcel: Parcel, _tenant_id: uuid.UUID) -> None:
    for number in parcel.destinations:
        send_text(number, sms_text(parcel))


def send_text(number: str, text: str) -> None:
    """One text message, before others that only advertise. NotTaken or Unavailable."""
    attributes = {"AWS.SNS.SMS.SMSType": {"DataType": "String", "StringValue": "Transactional"}}
    if (sender_id := settings().sms_sender_id) is not None:
        attributes["AWS.SNS.SMS.SenderID"] = {"DataType": "String", "StringValue": sender_id}
    publish(PhoneNumber=number, Message=text, MessageAttributes=attributes)


def post_to_telegram(parcel: Parcel, _tenant_id: uuid.UUID) -> None:
    for chat_id in parcel.destinations:
        send_to_chat(parcel.alerts, int(chat_id), at=datetime.now(UTC), count=parcel.count, note=parcel.note)


def publish(**message: Any) -> None:
    """NotTaken for what SNS will refuse again; Unavailable for what may pass."""
    try:
        client("sns", read_timeout_s=SNS_READ_TIMEOUT_S).publish(**message)
    except ClientError as error:
        code = error.response["Error"]["Code"].removesuffix("Exception")
        if code in _FINAL:
            raise NotTaken(f"SNS refused it: {code}") from error
        raise Unavailable(f"SNS answered {code}") from error
    except BotoCoreError as error:
        raise Unavailable("SNS was not reached") from error


SENDERS: Mapping[Channel, Sender] = {
    "EMAIL": publish_mail,
    "SMS": publish_text,
    "SLACK": post_to_slack,
    "TELEGRAM": post_to_telegram,
    "PUSH": push_to_browser,
}
