"""The feature database in its folder, and the locator that answers from it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings

from annotation.accounts.models import User
from annotation.common.engine import Progress, SpanProgress, compute_device
from annotation.geolocation.engine.bases import RowBases
from annotation.geolocation.models import FeatureDatabase, ReferenceSet
from annotation.learning.engine import locator_weights
from annotation.learning.engine.weights import Weights, weights_in_use, weights_of
from annotation.learning.models import LOCATOR
from mlcore.errors import FeatureDatabaseError

if TYPE_CHECKING:
    from mlcore.geolocation.locator import Locator


def locator_in_use() -> Weights | None:
    """The weights that look for images from now on; None where there are none."""
    return weights_in_use(LOCATOR, locator_weights())


def locator_of(digest: str) -> Weights | None:
    """The weights of this digest, wherever they lie; None where they are gone."""
    return weights_of(LOCATOR, digest, locator_weights())


def database_folder(row: FeatureDatabase) -> Path:
    """Where the features of a database lie."""
    return Path(settings.MEDIA_ROOT) / row.folder


@dataclass(frozen=True)
class Built:
    """What a build left: bases in the database, those without a picture by name, bytes on the disk, and what it did."""

    bases: int
    empty: list[str]
    size_bytes: int
    added: int
    removed: int


def build_features(row: FeatureDatabase, weights: Weights, progress: Progress) -> Built:
    """Bring a database up to the bases of all sets; what is there stays, and what a stop leaves is gone on from.

    Raises:
        CheckpointError: the weights' file is not the one that was registered.
        FeatureDatabaseError, NoSpaceError: as of the library.
        StoppedError: asked to stop; what is done is kept.
    """
    from mlcore.geolocation.database import FeatureDatabase as Database
    from mlcore.geolocation.index import DescriptorIndex
    from mlcore.geolocation.local.level import update_where_possible
    from mlcore.geolocation.locator import LocatorSettings
    from mlcore.geolocation.model import LocatorModel

    model: Any = LocatorModel.load(weights.path, sha256=weights.sha256).to(compute_device()).eval()
    folder = database_folder(row)
    folder.parent.mkdir(parents=True, exist_ok=True)
    bases = RowBases()
    database = Database.build(bases, model, folder, SpanProgress(progress, 0, 0.8), prune=True)
    update_where_possible(database, bases, SpanProgress(progress, 0.8, 1))
    if len(database) > LocatorSettings().exhaustive:  # fewer are all compared
        DescriptorIndex.update(database)
    did = database.changes
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return Built(len(database), did.empty, size, len(did.added) + len(did.replaced), len(did.removed))


def locator_for(user: User) -> tuple[Locator, Callable[[str], bool]] | None:
    """What looks for an image of this person: the locator, and which bases, by name, it may propose to them.

    It is the locator that built the database which serves now, until that of a newer one is complete. None while no
    database serves, it holds nothing, or the weights that built it are gone.
    """
    row = FeatureDatabase.objects.serving().first()
    if row is None or not row.base_count:
        return None
    weights = locator_of(row.model_digest)
    if weights is None:
        return None
    return _opened(row.pk, str(row.built_at), str(weights.path), weights.sha256), allowed_bases(user)


def allowed_bases(user: User) -> Callable[[str], bool]:
    """Whether the person may see the base of a name, as it is now; names begin with the number of their set."""
    sets = {str(number) for number in ReferenceSet.objects.visible_to(user).values_list("pk", flat=True)}
    return lambda name: name.partition("/")[0] in sets


@lru_cache(maxsize=1)
def _opened(database: int, built_at: str, path: str, sha256: str) -> Locator:
    """The locator of a database as it was built then; a process keeps one."""
    from mlcore.geolocation.database import FeatureDatabase as Database
    from mlcore.geolocation.index import DescriptorIndex
    from mlcore.geolocation.local.level import open_where_there
    from mlcore.geolocation.locator import Locator, LocatorSettings
    from mlcore.geolocation.model import LocatorModel

    folder = database_folder(FeatureDatabase.objects.get(pk=database))
    model: Any = LocatorModel.load(Path(path), sha256=sha256).to(compute_device()).eval()
    found = Database.open(folder, sha256)
    index = None
    if len(found) > LocatorSettings().exhaustive:
        with suppress(FeatureDatabaseError):  # while the first one is written all bases are compared
            index = DescriptorIndex.open(found)
    precise = LocatorSettings(refine=True)  # it becomes imagery
    return Locator(model, found, RowBases(), index, precise, local=open_where_there(found))
