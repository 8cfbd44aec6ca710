"""What documents import from the library is there, costs no PyTorch until it is used, and the README's samples run."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from mlcore.ingestion.ingest import ingest_raster
from mlcore.synthetic.town import TownConfig, generate_town
from mlcore.synthetic.town_files import write_town

ROOT = Path(__file__).resolve().parents[2]
OFFERING = ("mlcore", "mlcore.region", "mlcore.evidence", "mlcore.consistency")
SAMPLES = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.S)
IMPORTS = [
    line
    for path in (ROOT / "README.md", *ROOT.glob("mlcore/*/README.md"))
    for sample in re.findall(r"```python\n(.*?)```", path.read_text(encoding="utf-8"), flags=re.S)
    for line in sample.splitlines()
    if line.startswith(("import ", "from "))
]


@pytest.mark.parametrize("package", OFFERING)
def test_every_name_that_a_package_offers_is_there(package: str) -> None:
    module = import_module(package)
    for name in dir(module):
        assert getattr(module, name).__name__ == name


@pytest.mark.parametrize("package", OFFERING)
def test_a_name_that_no_package_has_is_an_attribute_error(package: str) -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = import_module(package).no_such_name


def test_to_import_the_packages_costs_no_pytorch() -> None:
    code = f"import {', '.join(OFFERING)}, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize("line", sorted(set(IMPORTS)))
def test_what_a_document_imports_is_there(line: str) -> None:
    exec(line, {})


def test_the_samples_of_the_readme_run_one_after_the_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_town(generate_town(TownConfig(columns=4, rows=3, seed=5)), tmp_path / "town")
    ingest_raster(tmp_path / "town" / "imagery.tif", tmp_path / "town" / "image.tif")
    names: dict[str, object] = {}

    with contextlib.chdir(tmp_path):
        for sample in SAMPLES:
            exec(sample, names)

    kind, *figures = capsys.readouterr().out.split()
    assert kind in {"add", "remove", "modify", "shifted"}
    assert all(0 <= float(figure) <= 1 for figure in figures)
