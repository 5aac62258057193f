"""What digests need of AWS: a sender of mail, and what is asked of the platform itself."""

import json
from collections.abc import Mapping, Sequence

from botocore.exceptions import BotoCoreError, ClientError

from breakwater.db.digest_figures import PlatformState, platform_state
from breakwater.errors import Unavailable
from breakwater.runtime.aws import client
from breakwater.runtime.database import untenanted_transaction
from breakwater.runtime.engine import engine_client
from breakwater.runtime.settings import settings
from breakwater.services.digests import Desk, MailRefused

# What SES says of this one mail, and would say again. All else, such as a rate that is exceeded, may pass.
_REFUSALS = frozenset({"MessageRejected", "BadRequestException", "MailFromDomainNotVerifiedException"})


class MailNotSent(Unavailable):
    code = "MAIL_NOT_SENT"


class QueuesUnavailable(Unavailable):
    code = "QUEUES_UNAVAILABLE"


class SesMailer:
    """Sends as one address, which SES knows to be ours."""

    def __init__(self, sender: str) -> None:
        self._sender = sender

    def send(self, to: str, subject: str, text: str, html: str) -> None:
        try:
            client("sesv2").send_email(
                FromEmailAddress=self._sender,
                Destination={"ToAddresses": [to]},
                Content={
                    "Simple": {
                        "Subject": _utf8(subject),
                        "Body": {"Text": _utf8(text), "Html": _utf8(html)},
                        # Asks those who answer mail by machine not to.
                        "Headers": [{"Name": "Auto-Submitted", "Value": "auto-generated"}],
                    }
                },
            )
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code in _REFUSALS:
                raise MailRefused(f"the mail was refused: {code}") from error
            raise MailNotSent(f"the mail was not taken: {code}") from error
        except BotoCoreError as error:
            raise MailNotSent("the mail service did not answer") from error


class AwsProbes:
    def state(self) -> PlatformState:
        with untenanted_transaction() as connection:
            return platform_state(connection)

    def dead_letters(self) -> Mapping[str, int]:
        return {name: _depth(url) for name, url in json.loads(settings().dead_letter_queues).items()}

    def unserved_shards(self) -> Sequence[int]:
        return engine_client().unserved_shards()


def has_sender() -> bool:
    return settings().mail_sender is not None


def digest_desk() -> Desk:
    sender = settings().mail_sender
    return Desk(None if sender is None else SesMailer(sender), AwsProbes())


def _depth(queue_url: str) -> int:
    wanted = "ApproximateNumberOfMessages"
    try:
        answer = client("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=[wanted])
    except (BotoCoreError, ClientError) as error:
        raise QueuesUnavailable("a queue could not be asked how long it is") from error
    return int(answer["Attributes"][wanted])


def _utf8(text: str) -> dict[str, str]:
    return {"Data": text, "Charset": "UTF-8"}
