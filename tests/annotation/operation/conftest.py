"""An installation of its own to back up and to lose: database, media folder, backups."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.db import connection, connections
from psycopg import sql

from annotation.operation.services import server
from annotation.operation.services.manifest import digest_of
from annotation.operation.services.media import files_below
from tests.factories import FootprintFactory, ImageryFactory, RegionFactory, SnapshotFactory, UserFactory
from tests.factories_changes import ChangeFactory, ScanFactory
from tests.files import write_geotiff, write_osm


@dataclass
class Installation:
    """A database of the test's own, and where its files lie."""

    name: str
    media: Path
    backups: Path

    def rows(self) -> dict[str, server.Content]:
        """Rows and digest of every table."""
        with server.connect(self.name) as database:
            return server.contents_of(database, server.tables_of(database))

    def files(self) -> dict[str, str]:
        """SHA-256 of every media file."""
        return {path.relative_to(self.media).as_posix(): digest_of(path) for path in files_below(self.media)}

    def ask(self, query: str) -> list[tuple]:
        with server.connect(self.name) as database:
            return database.execute(query).fetchall()


@pytest.fixture
def installation(transactional_db, settings, tmp_path, monkeypatch) -> Iterator[Installation]:
    """People, a region with imported imagery and map, suggestions; settings and the default connection point to it."""
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.BACKUP_ROOT = tmp_path / "backups"
    folder = settings.MEDIA_ROOT / "regions" / "1"
    folder.mkdir(parents=True)
    write_geotiff(folder / "image.tif")
    write_osm(folder / "upload.osm")
    region = RegionFactory(members=[UserFactory(username="ada")])
    ImageryFactory(region=region, cog_path="regions/1/image.tif")
    snapshot = SnapshotFactory(region=region, upload_path="regions/1/upload.osm")
    FootprintFactory.create_batch(30, snapshot=snapshot, tags={"building": "yes", "name": "Straße №5"})
    ChangeFactory.create_batch(20, scan=ScanFactory())
    name = f"{connection.settings_dict['NAME']}_drill"
    connections.close_all()
    forget(name)
    with server.connect(server.MAINTENANCE) as database:
        database.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(connection.settings_dict["NAME"])
            )
        )
    with monkeypatch.context() as own:
        own.setitem(connection.settings_dict, "NAME", name)
        yield Installation(name, settings.MEDIA_ROOT, settings.BACKUP_ROOT)
        connections.close_all()
    forget(name)


def forget(name: str) -> None:
    """Drop the database and what restores made beside it."""
    with server.connect(server.MAINTENANCE) as database:
        found = database.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", [f"{name}%"]).fetchall()
        for (one,) in found:
            database.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(one)))
