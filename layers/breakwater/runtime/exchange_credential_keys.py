"""Data keys of exchange credentials, from KMS: bound to tenant, account and venue by its encryption context."""

from botocore.exceptions import BotoCoreError, ClientError

from breakwater.domain.exchange_credentials import DATA_KEY_BYTES, Place
from breakwater.errors import Unavailable
from breakwater.runtime.aws import client
from breakwater.runtime.settings import settings
from breakwater.services.exchange_credentials import DataKey, NotRewrapped

# Of one row and not of KMS: it was moved, its master key is disabled or gone, or this function may not use that one.
OF_THIS_KEY = frozenset(
    {
        "AccessDeniedException",
        "DisabledException",
        "IncorrectKeyException",
        "InvalidCiphertextException",
        "InvalidKeyUsageException",
        "KMSInvalidStateException",
        "NotFoundException",
    }
)


def make_data_key(place: Place) -> DataKey:
    """Unavailable without KMS."""
    try:
        answer = client("kms").generate_data_key(
            KeyId=settings().exchange_credentials_key_id,
            NumberOfBytes=DATA_KEY_BYTES,
            EncryptionContext=place.encryption_context,
        )
    except (BotoCoreError, ClientError) as error:
        raise Unavailable("the credential could not be encrypted") from error
    return DataKey(answer["Plaintext"], answer["CiphertextBlob"], answer["KeyId"])


def master_key_id() -> str:
    """The ARN of the master key of now, as rows name it. Unavailable without KMS."""
    try:
        answer = client("kms").describe_key(KeyId=settings().exchange_credentials_key_id)
    except (BotoCoreError, ClientError) as error:
        raise Unavailable("the master key of credentials could not be found") from error
    arn: str = answer["KeyMetadata"]["Arn"]
    return arn


def rewrap_data_key(wrapped: bytes, place: Place) -> bytes:
    """Within KMS: the data key is never seen here.

    NotRewrapped where the key is not this place's, or its master key is gone; Unavailable without KMS.
    """
    try:
        answer = client("kms").re_encrypt(
            CiphertextBlob=wrapped,
            SourceEncryptionContext=place.encryption_context,
            DestinationKeyId=settings().exchange_credentials_key_id,
            DestinationEncryptionContext=place.encryption_context,
        )
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in OF_THIS_KEY:
            raise NotRewrapped(f"KMS refuses it: {code}") from error
        raise Unavailable("a data key could not be wrapped anew") from error
    except BotoCoreError as error:
        raise Unavailable("a data key could not be wrapped anew") from error
    rewrapped: bytes = answer["CiphertextBlob"]
    return rewrapped
