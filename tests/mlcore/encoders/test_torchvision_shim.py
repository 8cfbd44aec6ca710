"""torchvision beside a torch of another build: importable after the shim, and a broken one is named."""

import subprocess
import sys
from pathlib import Path

IMPORTS = """
from mlcore.encoders.torchvision_shim import ensure_torchvision
ensure_torchvision()
ensure_torchvision()
import torchvision, timm, open_clip
print(torchvision.__version__, timm.__version__, open_clip.__version__)
"""
BROKEN = """
from mlcore.encoders.torchvision_shim import ensure_torchvision
from mlcore.errors import MissingPackageError
try:
    ensure_torchvision()
except MissingPackageError as error:
    print(error)
"""


def run(code: str, tmp_path: Path, path: str = "") -> str:
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{path}:{Path.cwd()}", "HOME": str(tmp_path)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_torchvision_timm_and_open_clip_are_importable_after_the_shim(tmp_path):
    assert len(run(IMPORTS, tmp_path).split()) == 3


def test_a_torchvision_that_fails_in_another_way_is_named_with_the_remedy(tmp_path):
    package = tmp_path / "torchvision"
    package.mkdir()
    (package / "__init__.py").write_text("raise ImportError('libnothing.so is missing')")
    said = run(BROKEN, tmp_path, str(tmp_path))
    assert "libnothing.so is missing" in said and "pip install" in said
