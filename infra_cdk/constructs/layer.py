"""The Lambda layer, bundled without Docker: locked wheels for the target's platform, and our shared packages."""

import hashlib
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, cast

import jsii
from aws_cdk import AssetHashType, BundlingOptions, DockerImage, ILocalBundling
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra_cdk.repository import ROOT, required

type Platform = Literal["aws", "local"]  # Graviton on AWS; the machine that runs this for the emulator.

REQUIREMENTS = "requirements/layer.txt"
PACKAGES = ("layers/breakwater", "events")
EXCLUDED = ("client", "__pycache__")  # The client speaks HTTP from outside; nothing in a function imports it.
UV_TIMEOUT_S = 300
UNZIPPED_BYTES_MAX = 250 * 1024 * 1024  # Lambda's quota for a function and its layers together.


def bundle(target: Path, platform: Platform) -> None:
    """Fill `target/python` as Lambda unpacks it under /opt. Raises subprocess.SubprocessError when uv fails."""
    python = target / "python"
    wheels = ["--only-binary", ":all:", "--require-hashes", "-r", str(required(REQUIREMENTS))]
    command = [uv(), "pip", "install", "--quiet", "--python", sys.executable, "--python-version", "3.13", *wheels]
    command += ["--target", str(python)]
    if platform == "aws":
        command += ["--python-platform", "aarch64-manylinux_2_28"]
    subprocess.run(command, check=True, timeout=UV_TIMEOUT_S)  # noqa: S603  # Fixed arguments, no shell.
    for package in PACKAGES:
        source = required(package)
        shutil.copytree(source, python / source.name, ignore=shutil.ignore_patterns(*EXCLUDED))
    if platform == "aws":
        _compile(python)
    refuse_oversize(python)


def refuse_oversize(folder: Path) -> None:
    """ValueError when Lambda would not unpack as much as the folder holds."""
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    if size > UNZIPPED_BYTES_MAX:
        raise ValueError(f"the layer is {size} bytes unzipped; Lambda takes {UNZIPPED_BYTES_MAX}")


def source_hash(platform: Platform) -> str:
    """Changes with whatever the layer is made of, so that unchanged code is not bundled again."""
    digest = hashlib.sha256(f"{platform} {Path(__file__).read_text()}".encode())
    for file in _sources():
        digest.update(f"{file.relative_to(ROOT)} {file.stat().st_size}\n".encode())
        digest.update(file.read_bytes())
    if platform == "local":
        digest.update(sysconfig.get_platform().encode())
    return digest.hexdigest()


def _platform(context: str | None) -> Platform:
    match context:
        case None | "aws":
            return "aws"
        case "local":
            return "local"
    raise ValueError(f"lambda_platform is {context!r}; it is `aws` or `local`")


def _sources() -> Iterator[Path]:
    yield required(REQUIREMENTS)
    for package in PACKAGES:
        root = required(package)
        for file in sorted(root.rglob("*")):
            if file.is_file() and not set(file.relative_to(root).parts) & set(EXCLUDED):
                yield file


def _compile(python: Path) -> None:
    """Bytecode that Lambda can use as it is: /opt is read-only, so each cold start would compile everything anew.

    Unchecked, because zip archives carry other times than these files.
    """
    options = ["-q", "-j", "0", "--invalidation-mode", "unchecked-hash", "-s", str(python), "-p", "/opt/python"]
    command = [sys.executable, "-m", "compileall", *options, str(python)]
    subprocess.run(command, check=True, timeout=UV_TIMEOUT_S)  # noqa: S603  # Fixed arguments, no shell.


def uv() -> str:
    """The path of uv: what the Makefile installed, or else the machine's own. FileNotFoundError without either."""
    local = ROOT / ".tools" / "bin" / "uv"
    found = str(local) if local.exists() else shutil.which("uv")
    if found is None:
        raise FileNotFoundError("uv is missing: `make synth` installs it, or put it on PATH")
    return found


@jsii.implements(ILocalBundling)
class _WithoutDocker:
    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def try_bundle(self, output_dir: str, *_args: Any, **_options: Any) -> bool:
        bundle(Path(output_dir), self._platform)
        return True


class BreakwaterLayer(Construct):
    """The layer of all functions; the context `lambda_platform` chooses for which machine its wheels are."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        platform = _platform(self.node.try_get_context("lambda_platform"))
        code = lambda_.Code.from_asset(
            str(required("layers")),
            asset_hash=source_hash(platform),
            asset_hash_type=AssetHashType.CUSTOM,
            bundling=BundlingOptions(
                image=DockerImage.from_registry("unused"),  # CDK asks for one; local bundling never falls back to it.
                local=cast(ILocalBundling, _WithoutDocker(platform)),
            ),
        )
        self.version = lambda_.LayerVersion(
            self,
            "Version",
            code=code,
            description="breakwater, events and what they stand on",
            compatible_runtimes=[lambda_.Runtime.PYTHON_3_13],
            compatible_architectures=[lambda_.Architecture.ARM_64],
        )
