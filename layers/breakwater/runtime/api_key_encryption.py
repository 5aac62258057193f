"""API keys encrypted by KMS: functions can encrypt them, and only the engine can decrypt them."""

from botocore.exceptions import BotoCoreError, ClientError

from breakwater.errors import Unavailable
from breakwater.runtime.aws import client
from breakwater.runtime.settings import settings


def encrypt_api_key(key_id: str, api_key: str) -> bytes:
    """The ciphertext, bound to the key's id: in another row it decrypts to nothing. Unavailable without KMS."""
    try:
        answer = client("kms").encrypt(
            KeyId=settings().api_key_encryption_key_id,
            Plaintext=api_key.encode(),
            EncryptionContext={"key_id": key_id},
        )
    except (BotoCoreError, ClientError) as error:
        raise Unavailable("the key could not be encrypted") from error
    ciphertext: bytes = answer["CiphertextBlob"]
    return ciphertext
