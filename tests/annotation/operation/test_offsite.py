"""Backups in a bucket: each file sent once, whole or not there, and fetched back as they were."""

import re
import shutil
from dataclasses import replace

import pytest

from annotation.common.errors import ConflictError
from annotation.operation.errors import BackupError, RefusedError
from annotation.operation.services import backup, offsite, restore, retention
from tests.annotation.operation.test_retention import stamp
from tests.s3_server import ACCESS, BUCKET, REGION, SECRET, s3_server


@pytest.fixture
def bucket(settings):
    with s3_server() as store:
        settings.BACKUP_S3 = f"s3://{BUCKET}/mapwright"
        settings.S3_ENDPOINT = f"http://{store.address}"
        settings.S3_REGION, settings.S3_ACCESS_KEY, settings.S3_SECRET_KEY = REGION, ACCESS, SECRET
        yield store


def test_a_backup_comes_back_from_the_bucket_and_is_restored(bucket, installation):
    rows, files = installation.rows(), installation.files()
    made = backup.make()
    sent = offsite.send(made, 7, 4)
    assert sent.files == 2
    assert offsite.names() == [made.folder.name]
    assert {key.split("/")[1] for key in bucket.objects} == {"files", "backups"}

    shutil.rmtree(installation.backups)
    shutil.rmtree(installation.media)
    folder = offsite.fetch(made.folder.name, installation.backups)
    restore.restore(folder, replace=True)
    assert (installation.rows(), installation.files()) == (rows, files)
    with pytest.raises(RefusedError, match="there already"):
        offsite.fetch(made.folder.name, installation.backups)


def test_only_new_files_are_sent_and_files_of_no_backup_go(bucket, installation):
    first = backup.make()
    offsite.send(first, 7, 4)
    (installation.media / "regions" / "1" / "upload.osm").unlink()
    (installation.media / "new.bin").write_bytes(b"new" * 2**21)
    renamed = first.folder.rename(installation.backups / stamp(3))
    again = backup.make()
    bucket.puts.clear()
    sent = offsite.send(again, 1, 0)
    assert sent.files == 1, "the picture is there already"
    new = again.manifest.media["new.bin"]
    assert bucket.objects[f"mapwright/files/{new.sha256}"] == b"new" * 2**21
    written = [key for key in bucket.puts if not key.endswith("/")]
    assert written[-1].endswith("manifest.json"), "what has a manifest is whole"
    held = {file.sha256 for file in again.manifest.media.values()}
    if first.folder.name != again.folder.name:
        assert sent.removed == [first.folder.name]
        files = {key.rpartition("/")[2] for key in bucket.objects if "/files/" in key and not key.endswith("/")}
        assert files == held, "the removed map file is held by no backup any more"
    assert renamed.is_dir()


def test_backups_of_others_stay_and_hold_their_files(bucket, installation, settings):
    own, settings.SECRET_KEY = settings.SECRET_KEY, "another-installation"
    (installation.media / "theirs.bin").write_bytes(b"theirs")
    theirs = backup.make()
    theirs = replace(theirs, folder=theirs.folder.rename(installation.backups / stamp(900)))
    offsite.send(theirs, 1, 0)
    settings.SECRET_KEY = own
    (installation.media / "theirs.bin").unlink()
    (installation.media / "old.bin").write_bytes(b"old")
    old = backup.make()
    old = replace(old, folder=old.folder.rename(installation.backups / stamp(600)))
    offsite.send(old, 1, 0)
    (installation.media / "old.bin").unlink()
    assert offsite.send(backup.make(), 1, 0).removed == [stamp(600)]
    assert stamp(900) in offsite.names()
    kept = {key.rpartition("/")[2] for key in bucket.objects}
    assert theirs.manifest.media["theirs.bin"].sha256 in kept
    assert old.manifest.media["old.bin"].sha256 not in kept


def test_nothing_is_removed_where_a_manifest_cannot_be_read(bucket, installation):
    old = backup.make()
    offsite.send(replace(old, folder=old.folder.rename(installation.backups / stamp(600))), 1, 0)
    bucket.objects[f"mapwright/backups/{stamp(900)}/manifest.json"] = b"{}"
    before = set(bucket.objects)
    with pytest.raises(BackupError, match=f"{stamp(900)}.*can't be read"):
        offsite.send(backup.make(), 1, 0)
    assert before <= set(bucket.objects)


def test_nothing_is_removed_while_another_backup_is_sent(bucket, installation):
    made = backup.make()
    with backup.alone(), pytest.raises(ConflictError, match="another backup"):
        offsite.send(made, 7, 4)
    assert bucket.objects == {}


def test_what_is_fetched_is_touched_by_no_backup_made_here(bucket, installation, monkeypatch):
    made = backup.make()
    made = replace(made, folder=made.folder.rename(installation.backups / stamp(900)))
    offsite.send(made, 7, 4)
    shutil.rmtree(made.folder)
    get, others = offsite._get, []

    def slow(store, key, target):
        if target.name == "database.dump":
            others.append(backup.make().folder)
        get(store, key, target)
        if target.suffix == ".tif":
            target.write_bytes(b"half of it")
            others.append(backup.make().folder)
            get(store, key, target)

    monkeypatch.setattr(offsite, "_get", slow)
    fetched = offsite.fetch(made.folder.name, installation.backups)
    assert retention.prune(installation.backups, len(others), 0) == []
    for folder in (fetched, *others):
        restore.check(folder)


def test_what_the_bucket_lacks_is_told(bucket, installation):
    made = backup.make()
    offsite.send(made, 7, 4)
    with pytest.raises(RefusedError, match="has no backup"):
        offsite.fetch("2020-01-01T00-00-00Z", installation.backups)
    with pytest.raises(RefusedError, match="no name of a backup"):
        offsite.fetch("../somewhere", installation.backups)
    shutil.rmtree(made.folder)
    lost = next(key for key in bucket.objects if re.search(r"/files/\w{64}$", key))
    del bucket.objects[lost]
    with pytest.raises(BackupError):
        offsite.fetch(made.folder.name, installation.backups)
    assert not made.folder.exists() and not list(installation.backups.glob(".*"))


def test_a_bucket_that_refuses_leaves_the_local_backup(bucket, installation, settings):
    made = backup.make()
    settings.S3_SECRET_KEY = "another-secret-key"
    with pytest.raises(BackupError, match=r"MAPWRIGHT_S3_\*"):
        offsite.send(made, 7, 4)
    assert bucket.objects == {}
    settings.BACKUP_S3 = "https://wrong"
    with pytest.raises(BackupError, match="must read s3://"):
        offsite.names()
    restore.check(made.folder)
