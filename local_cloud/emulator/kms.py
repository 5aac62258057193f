"""KMS: a ciphertext is put under another key, which ministack leaves out."""

import json
from typing import Any

from ministack.services import kms

from .iam import Answer, refusal_of
from .patching import rewrite_function


def apply() -> None:
    rewrite_function(
        kms,
        "handle_request",
        (
            '        "Encrypt": _encrypt,\n',
            '        "Encrypt": _encrypt,\n        "ReEncrypt": _breakwater_re_encrypt,\n',
        ),
        _breakwater_re_encrypt=re_encrypt,
    )


def re_encrypt(request: dict[str, Any]) -> Answer:
    """Decrypted and encrypted again, each with its own context; the first that refuses answers."""
    opened: Answer = kms._decrypt(
        {
            "CiphertextBlob": request["CiphertextBlob"],
            "KeyId": request.get("SourceKeyId", ""),
            "EncryptionContext": request.get("SourceEncryptionContext", {}),
        }
    )
    if opened[0] != 200:
        return opened
    if (refusal := refusal_of("kms:ReEncryptTo", request["DestinationKeyId"])) is not None:
        return refusal
    told = json.loads(opened[2])
    sealed: Answer = kms._encrypt(
        {
            "Plaintext": told["Plaintext"],
            "KeyId": request["DestinationKeyId"],
            "EncryptionContext": request.get("DestinationEncryptionContext", {}),
        }
    )
    if sealed[0] != 200:
        return sealed
    status, headers, body = sealed
    return status, headers, json.dumps({**json.loads(body), "SourceKeyId": told["KeyId"]}).encode()
