"""Keys of venues that people keep with the API: sealed in the database, opened here and nowhere else."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

from breakwater.db.engine_connection import EnginePool
from breakwater.db.exchange_credentials import SealedCredential
from breakwater.db.stored_credentials import exchange_credential_versions, note_exchange_credential_use
from breakwater.domain.exchange_credentials import NotOpened, unseal
from breakwater.errors import Unavailable
from fargate_engine import aws
from fargate_engine.venues.configuration import Credentials, VenueSettings, fetch_credentials

_LOG = logging.getLogger(__name__)


def credentials_from(pool: EnginePool) -> Callable[[VenueSettings], Awaitable[Credentials]]:
    """How this engine gets the key of any venue: from the store where its settings say so, else from its secret."""

    async def fetch(venue: VenueSettings) -> Credentials:
        return await fetch_credentials(venue) if venue.credential_id is None else await _open_all(pool, venue)

    return fetch


async def _open_all(pool: EnginePool, venue: VenueSettings) -> Credentials:
    """The newest version, and those before it that still work, as far as they open.

    Unavailable where there is none, it is of another venue, or KMS does not open it.
    """
    assert venue.credential_id is not None  # noqa: S101  # The only caller has looked.
    versions = await exchange_credential_versions(pool, venue.credential_id)
    if not versions:
        raise Unavailable(f"the credential of venue {venue.name} is not in the store")
    if versions[0].venue != venue.name:
        raise Unavailable(f"the credential of venue {venue.name} was kept for another venue")
    newest, older = await _open(pool, versions[0]), []
    for each in versions[1:]:
        try:
            older.append(await _open(pool, each))
        except Unavailable as error:
            _LOG.warning("version %d of the key of %s cannot be fallen back to: %s", each.version, venue.name, error)
    return replace(newest, older=tuple(older))


async def _open(pool: EnginePool, sealed: SealedCredential) -> Credentials:
    answer = await aws.call(
        aws.client("kms").decrypt,
        CiphertextBlob=sealed.wrapped_key,
        EncryptionContext=sealed.place.encryption_context,
    )
    bound = sealed.place.additional_data(sealed.credential_id, sealed.version)
    try:
        opened = unseal(sealed.ciphertext, answer["Plaintext"], sealed.nonce, bound)
    except NotOpened as error:
        raise Unavailable(f"the credential of venue {sealed.venue} cannot be opened") from error
    note_use = partial(note_exchange_credential_use, pool, sealed.credential_id, sealed.version)
    return Credentials(opened.api_key, opened.secret, note_use=note_use)
