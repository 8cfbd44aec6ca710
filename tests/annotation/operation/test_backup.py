"""What a backup refuses to be restored from, what it takes along, and what stays of older ones."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import models

from annotation.common.errors import ConflictError
from annotation.operation.errors import BackupError, RefusedError
from annotation.operation.services import backup, media, restore, retention, server
from annotation.operation.services import manifest as manifests
from tests.annotation.operation.test_retention import stamp
from tests.factories import JobFactory


def change(folder, **told):
    """Change the manifest as somebody who holds the secret key would."""
    manifest = manifests.read(folder)
    manifests.write(folder, type(manifest)(**{**manifest.__dict__, **told}))


@pytest.fixture
def made(installation):
    return backup.make().folder


def refused(folder, installation, **options) -> str:
    """Why the backup is not restored; nothing may have been touched."""
    before, files = installation.rows(), installation.files()
    with pytest.raises(RefusedError) as told:
        restore.restore(folder, replace=True, **options)
    assert (installation.rows(), installation.files()) == (before, files)
    assert not server.exists(f"{installation.name}_restoring")
    return told.value.detail


def test_damaged_backups_are_refused_untouched(made, installation):
    image = next((made / "media").rglob("*.tif"))
    whole = image.read_bytes()
    image.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert "another content" in refused(made, installation)
    image.write_bytes(whole[:-1])
    assert "bytes instead of" in refused(made, installation)
    image.unlink()
    assert "is missing" in refused(made, installation)
    image.symlink_to("/etc/hostname")
    assert "no file" in refused(made, installation)
    image.unlink()
    image.write_bytes(whole)
    dump = made / "database.dump"
    dump.write_bytes(dump.read_bytes()[:-10] + b"0123456789")
    assert "database.dump" in refused(made, installation)


def test_foreign_backups_are_refused_unless_they_are_trusted(made, installation, settings):
    text = (made / "manifest.json").read_text()
    (made / "manifest.json").write_text(text.replace('"made_at"', '"made_at" '))
    assert "sealed with another secret key, or changed" in refused(made, installation)
    (made / "manifest.json").write_text(text)
    own, settings.SECRET_KEY = settings.SECRET_KEY, "another-installation"
    assert "another secret key" in refused(made, installation)
    restore.check(made, trust=True)
    settings.SECRET_KEY_FALLBACKS = [own]
    restore.check(made)


def test_uploads_that_a_backup_caught_under_way_are_cancelled_and_it_is_said(installation):
    for state in ("queued", "running", "succeeded"):
        JobFactory(kind="edits.upload", state=state)
    JobFactory(kind="tiles.build_pairs")
    folder, said = backup.make().folder, []
    restore.restore(folder, replace=True, say=said.append)
    rows = installation.ask("SELECT kind, state FROM common_job ORDER BY kind, state")
    assert rows == [
        ("edits.upload", "cancelled"), ("edits.upload", "cancelled"), ("edits.upload", "succeeded"),
        ("tiles.build_pairs", "queued"),
    ]  # fmt: skip
    assert any(text.startswith("2 uploads to the map") for text in said)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "holds no backup"),
        ("[]", "no backup of Mapwright"),
        ('{"format": "something else"}', "no backup of Mapwright"),
        ("not json", "can't be read"),
        ("[" * 100_000, "can't be read"),
        ('{"format": "mapwright-backup", "version": 99}', "format 99"),
        ('{"format": "mapwright-backup", "version": 1}', "incomplete"),
    ],
)
def test_what_is_no_backup_is_refused(tmp_path, content, reason):
    if content is not None:
        (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(RefusedError, match=reason):
        manifests.read(tmp_path, trust=True)


def test_a_newer_backup_is_refused(made, installation):
    change(made, migrations=[*manifests.read(made).migrations, "changes.9999_from_the_future"])
    assert "changes.9999_from_the_future" in refused(made, installation)
    change(made, migrations=[], postgres=99)
    assert "PostgreSQL 99" in refused(made, installation)


def test_a_manifest_that_leads_out_of_the_backup_is_refused(made, installation):
    for name in ("../outside.tif", "/etc/cron.d/x", "regions/../../x", "a\x00b"):
        change(made, media={name: manifests.Stored(bytes=1, sha256="0" * 64)})
        assert "leads out of it" in refused(made, installation)


def test_a_database_in_use_is_not_replaced(made, installation):
    with server.connect(installation.name):
        assert "stop web servers and workers" in refused(made, installation)


@pytest.mark.slow
def test_a_restore_that_breaks_off_leaves_what_is_in_use(made, installation):
    tables = {**manifests.read(made).tables, "sources_region": server.Content(rows=77, digest="0")}
    change(made, tables=tables)
    before = installation.rows(), installation.files()
    with pytest.raises(restore.RestoreError, match="sources_region"):
        restore.restore(made, replace=True)
    assert (installation.rows(), installation.files()) == before
    assert not server.exists(f"{installation.name}_restoring")


@pytest.mark.slow
def test_a_restore_that_fails_at_the_last_step_puts_the_files_back(made, installation):
    (installation.media / "since.bin").write_bytes(b"of today")
    (installation.media / "lost+found").mkdir(mode=0o000)
    before, entries = (installation.rows(), installation.files()), sorted(installation.media.iterdir())
    held = []

    def late(text: str) -> None:
        if "media" in text:
            held.append(server.connect(installation.name))

    with pytest.raises(restore.RestoreError, match="what was in use is untouched"):
        restore.restore(made, replace=True, say=late)
    held[0].close()
    assert (installation.rows(), installation.files()) == before
    assert sorted(installation.media.iterdir()) == entries, "nothing lies aside either"
    assert not server.exists(f"{installation.name}_restoring")
    restore.restore(made, replace=True)
    assert "since.bin" not in installation.files() and (installation.media / "lost+found").is_dir()


def test_files_that_could_not_be_moved_in_leave_those_in_use(tmp_path):
    root, laid_out = tmp_path / "media", tmp_path / "laid-out"
    for path in (root / "regions/1.tif", root / "lost+found/2", laid_out / "lost+found/3", laid_out / "a/4"):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(OSError, match="not empty"), media.swapped_in(laid_out, root, root / ".restore-before"):
        pytest.fail("half of it was moved")
    assert sorted(tmp_path.rglob("*")) == before


def test_what_cannot_be_moved_aside_is_refused_before_anything_is(made, installation):
    assert media.immovable(Path("/proc").parent) is not None, "a file system of its own lies in it"
    (installation.media / "fixed").mkdir()
    (installation.media / "fixed").chmod(0o500)
    if os.access(installation.media / "fixed", os.W_OK):
        pytest.skip("this user may write everywhere")
    assert "can't be moved aside" in refused(made, installation)


def test_unchanged_files_take_no_room_twice(made, installation):
    (installation.media / "new.bin").write_bytes(b"new")
    changed = next(installation.media.rglob("*.tif"))
    changed.write_bytes(b"changed")
    second = backup.make()
    for name in second.manifest.media:
        first = made / "media" / name
        same = first.exists() and first.stat().st_ino == (second.folder / "media" / name).stat().st_ino
        assert same is (name not in {"new.bin", changed.relative_to(installation.media).as_posix()})
    shutil.rmtree(made)
    restore.check(second.folder)


def test_a_file_removed_while_it_is_backed_up_makes_the_backup_start_again(installation, monkeypatch):
    keep, gone = media.keep, []

    def losing(source, target, former):
        if not gone and source.suffix == ".tif":
            gone.append(source)
            source.unlink()
            with server.connect(installation.name) as database:
                database.execute("UPDATE sources_imagery SET cog_path = '', upload_path = ''")
        return keep(source, target, former)

    monkeypatch.setattr(media, "keep", losing)
    lost = installation.ask("SELECT cog_path FROM sources_imagery WHERE cog_path <> ''")[0][0]
    said = []
    made = backup.make(say=said.append)
    assert [text for text in said if "once more" in text]
    assert lost not in {*made.manifest.absent, *made.manifest.media}
    restore.check(made.folder)


def test_a_file_that_had_gone_before_is_told(installation):
    lost = installation.ask("SELECT cog_path FROM sources_imagery WHERE cog_path <> ''")[0][0]
    (installation.media / lost).unlink()
    assert lost in backup.make().manifest.absent


def test_a_backup_that_lacks_what_older_ones_hold_pushes_none_of_them_out(made, installation):
    lost = installation.ask("SELECT cog_path FROM sources_imagery WHERE cog_path <> ''")[0][0]
    old = made.rename(installation.backups / stamp(900))
    (installation.media / lost).unlink()
    for _ in range(2):  # the second one's former is as incomplete as itself
        with pytest.raises(CommandError, match=f"{lost}.*nothing older is removed"):
            call_command("backup", keep=1, keep_weekly=0)
        assert old.is_dir()
    call_command("backup", keep=1, keep_weekly=0, accept_lost=True)
    assert not old.exists()


def test_a_link_to_a_folder_is_refused_with_the_remedy(installation, tmp_path):
    (tmp_path / "large").mkdir()
    (installation.media / "regions" / "2").symlink_to(tmp_path / "large")
    with pytest.raises(BackupError, match=r"regions/2 is a link to a folder.*mount"):
        backup.make()


def test_two_backups_at_once_are_one(installation):
    for _ in range(40):  # one right after the other is not at the same time
        with backup.alone():
            pass
    with backup.alone(), pytest.raises(ConflictError, match="another backup"):
        backup.make()


def test_a_full_disk_leaves_no_half_backup(installation, monkeypatch):
    def full(*args):
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(media, "keep", full)
    with pytest.raises(BackupError, match="is full"):
        backup.make()
    assert list(installation.backups.iterdir()) == []


def test_backups_are_for_their_owner_alone(made, installation):
    assert (made.stat().st_mode & 0o777, installation.backups.stat().st_mode & 0o777) == (0o700, 0o700)
    assert json.loads((made / "manifest.json").read_text())["format"] == "mapwright-backup"


def test_every_field_that_names_a_file_is_known():
    """A new one belongs into `media.NAMES`, or, where it names files elsewhere, here."""
    elsewhere = {"server_path"}
    looks = re.compile(r"(^|_)(path|folder)$")
    fields = (
        field
        for model in apps.get_models()
        if model.__module__.startswith("annotation.")
        for field in model._meta.local_fields
        if isinstance(field, models.CharField)
    )
    assert {field.name for field in fields if looks.search(field.name)} == {*media.NAMES, *elsewhere}


def test_only_own_backups_are_removed(made, installation, settings):
    for days in (1, 2):
        shutil.copytree(made, installation.backups / stamp(days))
    (installation.backups / "notes").mkdir()
    settings.SECRET_KEY = "another-installation"
    assert retention.prune(installation.backups, 1, 0) == []
    settings.SECRET_KEY = "only-for-tests"
    assert len(retention.prune(installation.backups, 1, 0)) == 2
    assert (installation.backups / "notes").is_dir()
