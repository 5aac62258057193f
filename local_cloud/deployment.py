"""The template of AWS, synthesized once and deployed to the emulator by the real CDK command line."""

import hashlib
import json
import os
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from local_cloud.outbox.telegram import BOT_USERNAME
from local_cloud.platform import REGION, REPOSITORY, LocalCloudError, Platform, base_environment
from local_cloud.processes import ProcessRecord, spawn

ACCOUNT = "000000000000"
CDK = REPOSITORY / "node_modules" / ".bin" / "cdk"
COMMAND_TIMEOUT_SECONDS = 600
LOG_END_BYTES = 16_384
COLOUR = re.compile(r"\x1b\[[0-9;]*m")

# Whatever a synthesis reads. A change in any of these files makes a new template.
SYNTHESIS_INPUTS = (
    "infra_cdk",
    "functions",
    "layers",
    "events",
    "fargate_engine",
    "requirements",
    "cdk.json",
    "package-lock.json",
)

MAIL_SENDER = "digests@breakwater.example"  # Its mail is in the inbox of the local run.

# Image assets are not built: the engine runs as a process. `inspect` must say "not there yet", all else "done".
DOCKER_STUB = '#!/bin/sh\n[ "$1" = inspect ] && exit 1\nexit 0\n'


class Deployment:
    """Synthesis and deployment of one platform, each skipped when nothing it depends on has changed."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._assembly = platform.folder / "cdk.out"
        self._synthesized = platform.folder / "cdk.out.inputs"
        self._deployed = platform.folder / "deployed.inputs"
        self._outputs = platform.folder / "outputs.json"
        self._docker_stub = platform.folder / "docker-stub"
        self._log = platform.logs / "cdk.log"
        self.record = ProcessRecord(platform.folder / "run" / "cdk.json")

    def synthesize(self) -> bool:
        """Write the cloud assembly unless it is up to date; whether it was written. Raises LocalCloudError."""
        options = _options(self._platform)
        inputs = digest_of_files(REPOSITORY / name for name in SYNTHESIS_INPUTS) + " ".join(options)
        if self._synthesized.exists() and self._synthesized.read_text() == inputs:
            return False
        self._synthesized.unlink(missing_ok=True)
        local = ("lambda_platform=local", "webhook_local_receivers=true")
        contexts = [part for option in (*local, *options) for part in ("--context", option)]
        self._cdk("synth", "--quiet", "--output", str(self._assembly), *contexts)
        self._synthesized.write_text(inputs)
        return True

    def deploy(self) -> bool:
        """Deploy every stack unless the emulator has them already; whether it did. Raises LocalCloudError."""
        inputs = self._synthesized.read_text()
        if self._deployed.exists() and self._deployed.read_text() == inputs and self._stacks_are_complete():
            return False
        self._deployed.unlink(missing_ok=True)
        self._cdk("bootstrap", f"aws://{ACCOUNT}/{REGION}")
        self._cdk(
            *("deploy", "--all", "--app", str(self._assembly), "--outputs-file", str(self._outputs)),
            *("--require-approval", "never", "--concurrency", "4", "--progress", "events"),
        )
        self._deployed.write_text(inputs)
        return True

    def outputs(self) -> dict[str, str]:
        """Every output of every stack, by its name. Names are unique across our stacks."""
        stacks: dict[str, dict[str, str]] = json.loads(self._outputs.read_text())
        return {name: value for outputs in stacks.values() for name, value in outputs.items()}

    def _stacks_are_complete(self) -> bool:
        """A crash of the emulator may have lost what it held in memory."""
        cloudformation = aws_client(self._platform, "cloudformation")
        try:
            for stack in json.loads(self._outputs.read_text()):
                status = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
                if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
                    return False
        except (FileNotFoundError, ClientError, BotoCoreError):
            return False
        return True

    def _cdk(self, *arguments: str) -> None:
        if not CDK.exists():
            raise LocalCloudError("the CDK command line is not installed: run `make up`, which installs it")
        self._docker_stub.write_text(DOCKER_STUB)
        self._docker_stub.chmod(0o755)
        environment = {
            **base_environment(),
            **self._platform.aws_environment(),
            "CDK_DEFAULT_ACCOUNT": ACCOUNT,
            "CDK_DEFAULT_REGION": REGION,
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "CDK_DOCKER": str(self._docker_stub),
            "CI": "true",  # Plain lines, and errors alone on stderr.
        }
        child = spawn(
            [str(CDK), "--no-notices", "--no-version-reporting", *arguments],
            record=self.record,
            log=self._log,
            environment=environment,
            cwd=REPOSITORY,
        )
        try:
            code = child.wait(timeout=COMMAND_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            code = None
        self.record.stop()
        if code is None:
            raise LocalCloudError(
                f"cdk {arguments[0]} took more than {COMMAND_TIMEOUT_SECONDS} s; its log is {self._log}"
            )
        if code != 0:
            raise LocalCloudError(f"cdk {arguments[0]} failed{reason_in(self._log)}; its log is {self._log}")


def reason_in(log: Path) -> str:
    """What a synthesis ended with, if it was an error of ours: a setting that is not right, say."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - LOG_END_BYTES))
        lines = COLOUR.sub("", file.read().decode(errors="replace")).splitlines()
    said = [line.removeprefix("ValueError: ") for line in lines if line.startswith("ValueError: ")]
    return f": {said[-1]}" if said else ""


def _options(platform: Platform) -> list[str]:
    """No issuer beside the emulated pool, and a second factor of nobody, unless the environment says so.

    And a bot in the Telegram of this machine, the Slack of this machine, and mails from an address of it.
    """
    return [
        f"allowed_origins={platform.web_url}",
        f"slack_hosts={platform.outbox_url.removeprefix('http://')}",
        f"mail_sender={MAIL_SENDER}",
        f"telegram={json.dumps({'bot_username': BOT_USERNAME})}",
        f"push_contact=mailto:{MAIL_SENDER}",
        f"oidc={os.environ.get('BREAKWATER_OIDC', '')}",
        f"second_factor_roles={os.environ.get('BREAKWATER_SECOND_FACTOR_ROLES', '')}",
    ]


def aws_client(platform: Platform, service: str, config: Config | None = None) -> Any:
    """A boto3 client of the emulator, whatever AWS account the user's own environment names."""
    return boto3.session.Session().client(
        service,
        # Step Functions would be looked for at sync-127.0.0.1.
        config=Config(inject_host_prefix=False).merge(config or Config()),
        endpoint_url=platform.aws_url,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 - the emulator asks for some, and believes any
    )


def digest_of_files(paths: Iterable[Path]) -> str:
    """SHA-256 over the names and contents of all files under `paths`, without caches."""
    digest = hashlib.sha256()
    for path in paths:
        files = [path] if path.is_file() else sorted(path.rglob("*"))
        for file in files:
            if file.is_file() and "__pycache__" not in file.parts:
                name = os.fsencode(file.relative_to(REPOSITORY)) if file.is_relative_to(REPOSITORY) else b""
                digest.update(b"%d %s %d " % (len(name), name, file.stat().st_size))
                digest.update(file.read_bytes())
    return digest.hexdigest()
