"""What differs on one machine: where database and engine are. Said after the deployment, in the secrets AWS has too."""

import json
import re
import secrets
from pathlib import Path
from typing import Any

from local_cloud.deployment import aws_client
from local_cloud.engine_process import ENGINE_ID
from local_cloud.outbox.telegram import BOT_TOKEN
from local_cloud.platform import HOST, LocalCloudError, Platform
from local_cloud.postgres import LocalPostgres
from local_cloud.telegram_webhook import set_webhook

DATABASE_SECRETS = (
    "AdminDatabaseSecretArn",
    "FunctionsDatabaseSecretArn",
    "EngineDatabaseSecretArn",
    "SealerDatabaseSecretArn",
)
ENGINE_SERVICE_NAME = "engine"
TTL_ATTRIBUTE = "expires_at"
_EXECUTE_API = re.compile(r"(?:https|wss)://(?P<api>\w+)\.execute-api\.[^/]+/?(?P<stage>[^/]*)/?$")


class Passwords:
    """Invented at the first start and kept in the platform's folder, readable by its owner only."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "passwords.json"

    def of(self, name: str) -> str:
        """The password of a user or a database role."""
        known: dict[str, str] = json.loads(self._file.read_text()) if self._file.exists() else {}
        if name not in known:
            # Every class of character that a password policy may ask for, and none that a connection string quotes.
            known[name] = f"Aa1-{secrets.token_urlsafe(15)}"
            self._file.touch(mode=0o600)
            self._file.write_text(json.dumps(known, indent=2))
        return known[name]


def point_to_database(
    platform: Platform, deployed: dict[str, str], postgres: LocalPostgres, passwords: Passwords
) -> str:
    """Put the local server into the database secrets and create its owner; the owner's URL. Roles come by migration."""
    client = aws_client(platform, "secretsmanager")
    owner: dict[str, Any] = {}
    for name in DATABASE_SECRETS:
        current = json.loads(client.get_secret_value(SecretId=deployed[name])["SecretString"])
        wanted = {
            **current,
            "host": HOST,
            "port": platform.ports["postgres"],
            "dbname": current.get("dbname", "breakwater"),
            "password": passwords.of(f"database {current['username']}"),
        }
        if wanted != current:
            client.put_secret_value(SecretId=deployed[name], SecretString=json.dumps(wanted))
        owner = owner or wanted
    postgres.ensure_database(owner["dbname"], owner["username"], owner["password"])
    return postgres.url(owner["dbname"], owner["username"], owner["password"])


def point_to_engine(platform: Platform, deployed: dict[str, str]) -> None:
    """Tell the functions where the engine is, and register it as ECS would. Raises LocalCloudError."""
    aws_client(platform, "ssm").put_parameter(
        Name=deployed["EngineUrlParameterName"], Value=platform.engine_url, Type="String", Overwrite=True
    )
    discovery = aws_client(platform, "servicediscovery")
    services = discovery.list_services(MaxResults=100)["Services"]
    service_id = next((service["Id"] for service in services if service["Name"] == ENGINE_SERVICE_NAME), None)
    if service_id is None:
        raise LocalCloudError(f"the template has no Cloud Map service named {ENGINE_SERVICE_NAME}")
    discovery.register_instance(
        ServiceId=service_id,
        InstanceId=ENGINE_ID,
        Attributes={"AWS_INSTANCE_IPV4": HOST, "AWS_INSTANCE_PORT": str(platform.ports["engine"])},
    )


def point_to_api(platform: Platform, deployed: dict[str, str]) -> None:
    """Tell the sender of alerts where people reach the API, which has no address before it is deployed."""
    client, name = aws_client(platform, "lambda"), deployed["AlertSenderFunctionName"]
    current = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    wanted = {**current, "PUBLIC_API_URL": local_api_url(platform, deployed["ApiUrl"])}
    if wanted != current:
        client.update_function_configuration(FunctionName=name, Environment={"Variables": wanted})


def expire_connections(platform: Platform, deployed: dict[str, str]) -> None:
    """The emulator drops the table's time to live from a template."""
    client = aws_client(platform, "dynamodb")
    table = deployed["ConnectionsTableName"]
    current = client.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    if current.get("TimeToLiveStatus") != "ENABLED":
        client.update_time_to_live(
            TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": TTL_ATTRIBUTE}
        )


def verify_sender(platform: Platform, address: str) -> None:
    """The emulator believes at once that a domain is ours; SES would look for its keys in the DNS."""
    client = aws_client(platform, "sesv2")
    try:
        client.create_email_identity(EmailIdentity=address.partition("@")[2])
    except client.exceptions.AlreadyExistsException:
        return


def point_to_telegram(platform: Platform, deployed: dict[str, str], passwords: Passwords) -> None:
    """Give the bot the Telegram of this machine, and that the bot's webhook. Raises LocalCloudError."""
    client = aws_client(platform, "secretsmanager")
    current = json.loads(client.get_secret_value(SecretId=deployed["TelegramSecretArn"])["SecretString"])
    wanted = {
        "bot_token": BOT_TOKEN,
        "webhook_secret": passwords.of(
            "Telegram"
        ),  # AWS leaves punctuation out of one that it makes; the emulator does not.
        "api_url": f"{platform.outbox_url}/telegram",
    }
    if wanted != current:
        client.put_secret_value(SecretId=deployed["TelegramSecretArn"], SecretString=json.dumps(wanted))
    set_webhook(wanted, local_api_url(platform, deployed["ApiUrl"]))


def local_api_url(platform: Platform, url: str) -> str:
    """Where the emulator serves the API that AWS would serve at `url`. Raises LocalCloudError."""
    parts = _EXECUTE_API.match(url)
    if parts is None:
        raise LocalCloudError(f"{url} is not the URL of an API")
    scheme = "ws" if url.startswith("wss:") else "http"
    address = platform.aws_url.removeprefix("http")
    # A default stage is not named: a `$` in an URL is eaten by every shell.
    return f"{scheme}{address}/_aws/execute-api/{parts['api']}/{parts['stage']}".removesuffix("/")
