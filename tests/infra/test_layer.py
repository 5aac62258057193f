"""The layer is what functions get to import: all of it, for the right machine, and small enough."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra_cdk import repository
from infra_cdk.constructs import layer
from infra_cdk.constructs.functions import TIMEOUTS
from infra_cdk.repository import ROOT

# Lambda's runtime brings boto3; at the end of the path, so that the layer's own wheels come first.
RUNTIME_PACKAGES = ("boto3", "botocore", "s3transfer", "dateutil", "six.py")

IMPORT = """
import sys
assert not [path for path in sys.path if "site-packages" in path], "they would hide what is missing"
sys.path += sys.argv[1:]
import app
assert callable(app.handler), "app.handler is what Lambda calls"
"""


@pytest.fixture(scope="session")
def built_layer(assembly: Path) -> Path:
    built = [path for path in assembly.glob("asset.*/python") if (path / "breakwater").is_dir()]
    assert len(built) == 1
    return built[0]


@pytest.fixture(scope="session")
def lambda_runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runtime")
    boto3 = importlib.util.find_spec("boto3")
    assert boto3 is not None
    assert boto3.origin is not None
    site_packages = Path(boto3.origin).parents[1]
    for name in RUNTIME_PACKAGES:
        (folder / name).symlink_to(site_packages / name)
    return folder


@pytest.mark.parametrize("name", TIMEOUTS)
def test_a_function_imports_with_nothing_but_the_layer_and_its_folder(
    built_layer: Path, lambda_runtime: Path, name: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", IMPORT, ROOT / "functions" / name, built_layer, lambda_runtime],
        env={"PATH": os.environ["PATH"]},  # No settings either: importing does nothing.
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_layer_leaves_the_client_and_caches_out(built_layer: Path) -> None:
    assert (built_layer / "breakwater" / "errors.py").is_file()
    assert (built_layer / "events" / "envelope.py").is_file()
    assert not (built_layer / "breakwater" / "client").exists()
    assert list((built_layer / "breakwater" / "db" / "migrations" / "versions").glob("*.sql"))


def test_the_layer_for_aws_is_for_graviton_compiled_and_under_lambdas_quota(tmp_path: Path) -> None:
    layer.bundle(tmp_path, "aws")
    libraries = [path.name for path in tmp_path.rglob("*.so")]
    assert any("aarch64-linux-gnu" in name for name in libraries)
    assert not [name for name in libraries if "x86_64" in name]
    assert (tmp_path / "python" / "breakwater" / "__pycache__" / "errors.cpython-313.pyc").is_file()
    size = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    assert 10 * 1024 * 1024 < size < 150 * 1024 * 1024  # Leaves a good third of the 250 MiB for what comes.


def test_a_layer_over_lambdas_quota_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layer, "UNZIPPED_BYTES_MAX", 1000)
    (tmp_path / "small.py").write_text("x" * 1000)
    layer.refuse_oversize(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "one_more.py").write_text("x")
    with pytest.raises(ValueError, match="1001 bytes unzipped; Lambda takes 1000"):
        layer.refuse_oversize(tmp_path)


def test_the_hash_changes_with_the_platform_and_with_a_source(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "layer.txt").write_text("pydantic==2\n")
    for package in layer.PACKAGES:
        (tmp_path / package).mkdir(parents=True)
        (tmp_path / package / "__init__.py").write_text("")
    monkeypatch.setattr(layer, "ROOT", tmp_path)
    monkeypatch.setattr(layer, "required", lambda path: tmp_path / path)

    first = layer.source_hash("aws")
    assert layer.source_hash("aws") == first
    assert layer.source_hash("local") != first
    (tmp_path / "layers" / "breakwater" / "__init__.py").write_text("x = 1\n")
    changed = layer.source_hash("aws")
    assert changed != first
    (tmp_path / "layers" / "breakwater" / "client").mkdir()
    (tmp_path / "layers" / "breakwater" / "client" / "cli.py").write_text("")
    assert layer.source_hash("aws") == changed


def test_a_missing_function_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(repository, "ROOT", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"functions/orders/app\.py is missing"):
        repository.required("functions/orders/app.py")
