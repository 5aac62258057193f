"""Keys of venues that people keep with the API: sealed in the database, opened here and nowhere else."""

from collections.abc import Awaitable, Callable

from breakwater.db.engine_connection import EnginePool
from breakwater.db.stored_credentials import use_exchange_credential
from breakwater.domain.exchange_credentials import NotOpened, unseal
from breakwater.errors import Unavailable
from fargate_engine import aws
from fargate_engine.venues.configuration import Credentials, VenueSettings, fetch_credentials


def credentials_from(pool: EnginePool) -> Callable[[VenueSettings], Awaitable[Credentials]]:
    """How this engine gets the key of any venue: from the store where its settings say so, else from its secret."""

    async def fetch(venue: VenueSettings) -> Credentials:
        return await fetch_credentials(venue) if venue.credential_id is None else await _open(pool, venue)

    return fetch


async def _open(pool: EnginePool, venue: VenueSettings) -> Credentials:
    """The newest version. Unavailable where there is none, it is of another venue, or KMS does not open it."""
    assert venue.credential_id is not None  # noqa: S101  # The only caller has looked.
    sealed = await use_exchange_credential(pool, venue.credential_id)
    if sealed is None:
        raise Unavailable(f"the credential of venue {venue.name} is not in the store")
    if sealed.venue != venue.name:
        raise Unavailable(f"the credential of venue {venue.name} was kept for another venue")
    answer = await aws.call(
        aws.client("kms").decrypt,
        CiphertextBlob=sealed.wrapped_key,
        EncryptionContext=sealed.place.encryption_context,
    )
    bound = sealed.place.additional_data(sealed.credential_id, sealed.version)
    try:
        opened = unseal(sealed.ciphertext, answer["Plaintext"], sealed.nonce, bound)
    except NotOpened as error:
        raise Unavailable(f"the credential of venue {venue.name} cannot be opened") from error
    return Credentials(opened.api_key, opened.secret)
