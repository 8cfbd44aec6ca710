"""`mlcore picture` draws the five panels of the changes' README from a made town."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from mlcore.cli import main

README = Path(__file__).resolve().parents[3] / "mlcore" / "changes" / "README.md"


def test_the_picture_of_the_readme_can_be_drawn_again(tmp_path: Path, capsys) -> None:
    assert main(["picture", str(tmp_path / "tile.png"), "--quiet"]) == 0

    drawn, kept = (
        np.asarray(Image.open(path).convert("L"), float) for path in (tmp_path / "tile.png", README.parent / "tile.png")
    )
    assert "candidates" in capsys.readouterr().out
    assert drawn.shape == kept.shape
    assert np.abs(drawn - kept).mean() < 3
    assert (README.parent / "tile.png").stat().st_size < 150_000


def test_every_module_of_the_package_is_in_its_readme() -> None:
    text = README.read_text()

    missing = [path.name for path in README.parent.glob("*.py") if path.name != "__init__.py" and path.name not in text]
    assert not missing
