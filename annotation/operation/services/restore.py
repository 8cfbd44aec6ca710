"""Restore a backup into a database and folders of its own, prove them, and only then put them in use."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg
from django.conf import settings
from django.db import connections
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

from annotation.digest.services.after_restore import begin_anew
from annotation.edits.services.uploads.after_restore import stop_uploads
from annotation.edits.services.webhooks.after_restore import stop_deliveries, switch_off
from annotation.operation.errors import BackupError, RefusedError, RestoreError
from annotation.operation.services import manifest as manifests
from annotation.operation.services import media, server
from annotation.operation.services.manifest import DUMP, MEDIA, Manifest

Say = Callable[[str], None]


@dataclass(frozen=True)
class Restored:
    """What a restore put in use, and what it moved aside."""

    manifest: Manifest
    former_database: str
    former_media: Path | None
    migrations_to_apply: int


def check(folder: Path, *, trust: bool = False) -> tuple[Manifest, int]:
    """Prove that the backup is whole, from here, and not newer than this code; nothing is touched.

    Returns:
        Its manifest, and how many migrations this code has on top of it.

    Raises:
        RefusedError: it is not.
    """
    manifest = manifests.read(folder, trust=trust)
    known = _migrations_of_this_code()
    newer = sorted(set(manifest.migrations) - known)
    if newer:
        raise RefusedError(
            f"the backup is of a newer Mapwright ({len(newer)} migrations that this one lacks, such as {newer[-1]}): "
            "update the code first"
        )
    with server.connect(server.MAINTENANCE) as database:
        if server.major_version(database) < manifest.postgres:
            raise RefusedError(
                f"the backup is of PostgreSQL {manifest.postgres}, this server is {server.major_version(database)}: "
                "restore to that version or a newer one"
            )
    manifests.prove(folder, manifest)
    return manifest, len(known - set(manifest.migrations))


def restore(folder: Path, *, replace: bool = False, trust: bool = False, say: Say = lambda text: None) -> Restored:
    """Restore the backup in `folder` as the database and the media folder of the settings.

    Args:
        replace: where they hold something, move that aside: the database under another name, the files into
            `.restore-before-...` of the media folder.
        trust: take a backup that another installation sealed.

    Raises:
        RefusedError: the backup or the place is not fit for it; nothing was touched.
        RestoreError: it broke off; what was in use still is.
    """
    say("reading the backup")
    manifest, to_apply = check(folder, trust=trust)
    connections.close_all()
    name, root, stamp = server.own_name(), Path(settings.MEDIA_ROOT), timezone.now().strftime("%Y%m%d%H%M%S")
    taken = _refuse_unfit(name, root, manifest, replace)
    fresh, laid_out = f"{name}_restoring", root / f"{media.ASIDE}-unfinished"
    before, aside = f"{name}_before_{stamp}", root / f"{media.ASIDE}-before-{stamp}"
    try:
        say("the database")
        _restore_database(folder, manifest, fresh)
        _stop_what_leaves(fresh, say)
        say("the media files")
        shutil.rmtree(laid_out, ignore_errors=True)
        laid_out.mkdir(parents=True)
        media.lay_out(folder / MEDIA, manifest.media, laid_out)
        had_files = not media.is_empty(root)
        with media.swapped_in(laid_out, root, aside):
            server.put_in_use(fresh, name, before)
    except (BackupError, OSError, psycopg.Error) as error:
        shutil.rmtree(laid_out, ignore_errors=True)
        server.drop(fresh)
        raise RestoreError(f"{error}; what was in use is untouched") from error
    if not taken:
        server.drop(before)
    if not had_files:
        shutil.rmtree(aside)
    return Restored(manifest, before if taken else "", aside if had_files else None, to_apply)


def _restore_database(folder: Path, manifest: Manifest, fresh: str) -> None:
    server.drop(fresh)
    server.create(fresh)
    server.run_tool(
        "pg_restore", "--no-owner", "--no-privileges", "--no-comments", "--exit-on-error",
        f"--jobs={os.cpu_count() or 1}", f"--dbname={fresh}", str(folder / DUMP), database=fresh,
    )  # fmt: skip
    with server.connect(fresh) as database:
        found = server.contents_of(database, server.tables_of(database))
        same_hashes = server.major_version(database) == manifest.postgres
    for table in sorted({*manifest.tables, *found}):
        was, now = manifest.tables.get(table), found.get(table)
        if was is None or now is None or was.rows != now.rows or (same_hashes and was.digest != now.digest):
            raise BackupError(f"the restored table {table} is not the one that was backed up ({now} instead of {was})")


def _stop_what_leaves(fresh: str, say: Say) -> None:
    with server.connect(fresh) as database:
        stopped, given_up = stop_uploads(database), stop_deliveries(database)
        off = switch_off(database)
        begin_anew(database)
    if off:
        say(
            f"{off} webhooks are switched off, so that a copy tells their receivers nothing: where this is to be the "
            "installation in use, switch them on again on the page of webhooks"
        )
    if given_up:
        say(
            f"{given_up} deliveries to webhooks waited when the backup was made and are given up, as they may have "
            "been sent since: send them again on the page of webhooks where not"
        )
    if stopped:
        say(
            f"{stopped} uploads to the map were under way when the backup was made and are cancelled: go on with them "
            "on the edits pages, where the map is asked what it has first"
        )


def _refuse_unfit(name: str, root: Path, manifest: Manifest, replace: bool) -> bool:
    """Whether the database holds something, once nothing speaks against restoring here."""
    taken = False
    if server.exists(name):
        with server.connect(name) as database:
            taken = bool(server.tables_of(database))
        if server.is_used(name):
            raise RefusedError(f"somebody is connected to the database {name}: stop web servers and workers first")
    if not replace and (taken or not media.is_empty(root)):
        held = f"the database {name} has tables" if taken else f"the folder {root} has files"
        raise RefusedError(f"{held}: give an empty one, or say --replace to move what is there aside")
    root.mkdir(parents=True, exist_ok=True)
    fixed = media.immovable(root)
    if fixed is not None:
        raise RefusedError(
            f"{fixed} can't be moved aside: it is a mount point, or this user may not write to it; unmount it, or give "
            "this user the right to write"
        )
    needed = sum(file.bytes for file in manifest.media.values())
    if shutil.disk_usage(root).free < needed:
        raise RefusedError(f"the media files need {needed / 1e9:.1f} GB where {root} is: free that much first")
    return taken


def _migrations_of_this_code() -> set[str]:
    disk = MigrationLoader(None).disk_migrations
    replaced = {f"{app}.{name}" for one in disk.values() for app, name in one.replaces}
    return {f"{app}.{name}" for app, name in disk} | replaced
