"""Cases of anchors: what their tasks must say of pictures, and the page of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "templates" / "anchors" / "batches.html"


def pictures_of_tasks(folder: Path, _: Path) -> None:
    """The case's task names addresses behind a sign-in: the page says so, and offers the pictures in the file."""
    (task,) = json.loads((folder / "task.json").read_text())
    assert task["data"]["image"].startswith("http")
    words = PAGE.read_text()
    assert "label-studio.json?pictures=inline" in words
    assert "only in a browser that is signed in here" in words


CASES: dict[str, Callable[[Path, Path], None]] = {"27_label_studio_images": pictures_of_tasks}
