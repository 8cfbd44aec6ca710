"""Remove old backups: the newest stay, and the last of each of the latest weeks."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

from annotation.operation.errors import RefusedError
from annotation.operation.services import manifest as manifests
from annotation.operation.services.backup import NAME, backups_below


def to_remove(names: list[str], newest: int, weeks: int) -> list[str]:
    """Of backups' names, those that neither rule keeps.

    Args:
        names: folders, each named by its time; others are never removed.
        newest: how many of the newest stay, at least one.
        weeks: of how many of the latest weeks that have backups the last one stays.
    """
    dated = sorted(((_week(name), name) for name in names if _week(name)), key=lambda pair: pair[1], reverse=True)
    kept = {name for _, name in dated[: max(newest, 1)]}
    last_of_week: dict[str, str] = {}
    for week, name in dated:
        last_of_week.setdefault(week, name)
    kept.update(list(last_of_week.values())[: max(weeks, 0)])
    return [name for _, name in dated if name not in kept]


def prune(root: Path, newest: int, weeks: int) -> list[str]:
    """Remove old backups that this installation made here; what was fetched, foreign or no backup is left alone."""
    own = [folder.name for folder in backups_below(root) if _made_here(folder)]
    removed = to_remove(own, newest, weeks)
    for name in removed:
        shutil.rmtree(root / name)
    return removed


def _made_here(folder: Path) -> bool:
    try:
        manifests.read(folder)
    except RefusedError:
        return False
    return not folder.is_symlink() and not (folder / manifests.FETCHED).exists()


def _week(name: str) -> str:
    stamp = name.partition("Z")[0] + "Z"
    try:
        year, week, _ = dt.datetime.strptime(stamp, NAME).isocalendar()
    except ValueError:
        return ""
    return f"{year}-{week:02d}"
