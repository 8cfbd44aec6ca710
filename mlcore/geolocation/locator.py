"""Finds where a picture lies: bases proposed by points and by tokens, the best few placed finely, how sure that is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlcore.errors import ConfigError, InvalidInputError, OtherModelError
from mlcore.geolocation.attempt import Attempt
from mlcore.geolocation.bases import BaseSource
from mlcore.geolocation.calibration import Calibration
from mlcore.geolocation.database import FeatureDatabase
from mlcore.geolocation.extraction import Extractor
from mlcore.geolocation.index import DescriptorIndex
from mlcore.geolocation.placement import Placement, Prior, View, as_expected
from mlcore.progress import Progress, SilentProgress

if TYPE_CHECKING:
    from mlcore.geolocation.flight import Frame
    from mlcore.geolocation.local.level import LocalLevel
    from mlcore.geolocation.placing import Fit

Place = Callable[[Any, np.ndarray, np.ndarray, np.ndarray, np.ndarray, Any], "Fit | None"]
Allowed = Callable[[str], bool]
BLANK_RANGE = 8
"""A picture all of whose values lie within so many steps shows nothing."""


@dataclass(frozen=True)
class LocatorSettings:
    """How a locator searches.

    Attributes:
        exhaustive: up to so many bases are all compared; of more the index proposes some, where there is one.
        proposals: how many it proposes, for each scale of the query.
        placed: so many of the best are placed finely at most; the first that is convincing ends that, unless all are
            asked for.
        again: where none of these is convincing, so many of the best are ranked once more by other looks at the query
            (`looks`), and the best of them placed; 0: never.
        placed_again: how many of them at most.
        matched: where there are local features, bases whose points are matched with the picture's at most.
        point_digits: a base is placed by its points before tokens are asked where these exclude chance by so many
            powers of ten.
        refine: what points place is placed finely as well: corners are then known to a fifth of a base's pixel instead
            of a half, at several times the cost.
        convinced: probability from which a placement needs no rival.
    """

    exhaustive: int = 2000
    proposals: int = 200
    placed: int = 3
    again: int = 256
    placed_again: int = 8
    matched: int = 10
    point_digits: float = 6.0
    refine: bool = False
    convinced: float = 0.95

    def __post_init__(self) -> None:
        if (
            min(self.proposals, self.placed, self.placed_again, self.matched) < 1
            or min(self.exhaustive, self.again) < 0
        ):
            raise ConfigError("proposals, placed and matched must be positive, exhaustive and again not negative")
        if not 0 < self.convinced < 1:
            raise ConfigError("convinced must lie within 0..1")


class Locator:
    """A model, the features that it made of bases, and the bases' pixels.

    Args:
        model: a LocatorModel.
        source: gives the pixels of the database's bases.
        index: of the database; None: all bases are compared, however many there are.
        calibration: None: the model's own (`model.about["calibration"]`), else a careful one.
        place: how a query is placed finely on a base; None: `placing.place`.
        local: points of the database's bases; None: tokens alone propose.

    Raises:
        OtherModelError: another model built the database.
    """

    def __init__(
        self,
        model: Extractor,
        database: FeatureDatabase,
        source: BaseSource,
        index: DescriptorIndex | None = None,
        settings: LocatorSettings | None = None,
        calibration: Calibration | None = None,
        place: Place | None = None,
        local: LocalLevel | None = None,
    ) -> None:
        if database.model != model.digest:
            raise OtherModelError(
                f"the database {database.folder.name} was built by the model {database.model[:12]}, not by "
                f"{model.digest[:12]}: use that model, or build a database of this one in another folder"
            )
        self.model, self.database, self.source, self.index = model, database, source, index
        self.local, self.settings, self.place = local, settings or LocatorSettings(), place
        stored = getattr(model, "about", {}).get("calibration")
        self.calibration = calibration or (Calibration.from_dict(stored) if stored else Calibration())

    @property
    def threshold(self) -> float:
        """A picture none of whose placements is as probable lies nowhere here."""
        return self.calibration.threshold

    def is_here(self, placements: Sequence[Placement]) -> bool:
        """Whether the best of ranked placements is to be believed."""
        return bool(placements) and placements[0].probability >= self.threshold

    def locate(
        self,
        rgb: np.ndarray,
        valid: np.ndarray | None = None,
        *,
        prior: Prior | None = None,
        count: int = 5,
        allowed: Allowed | None = None,
        thorough: bool = False,
    ) -> list[Placement]:
        """Where a picture lies.

        With a prior, bases near it are compared first, with the picture turned and scaled as it says; where none of
        them is convincing, all are compared with the picture as it is.

        Args:
            rgb: (H, W, 3) uint8; valid: (H, W) bool, None: everywhere.
            count: of placements at most.
            allowed: of a base's name, whether it may be found; applied before anything is compared.
            thorough: place `count` bases finely even where the first is convincing.

        Returns:
            Those that chance does not explain, surest first; `is_here` says whether the first is to be believed.

        Raises:
            InvalidInputError: no picture, a blank one, or a base whose pixels the source can't give.
        """
        rgb, valid = _checked(rgb, valid)
        among = self.allowed_numbers(allowed)
        found: list[Placement] = []
        if prior is not None:
            found = self.near(rgb, valid, prior, among=among, count=count, thorough=thorough)
            if found and found[0].probability >= self.settings.convinced:
                return found[:count]
        plain = View.plain(rgb, valid)
        known = {one.base.name: one for one in found}
        for one in self._placed(plain, among, prior, count, thorough):
            before = known.get(one.base.name)
            known[one.base.name] = one if before is None or one.probability > before.probability else before
        return sorted(known.values(), key=lambda one: (-one.probability, one.log10_nfa))[:count]

    def near(
        self,
        rgb: np.ndarray,
        valid: np.ndarray,
        prior: Prior,
        *,
        among: np.ndarray | None = None,
        count: int = 5,
        thorough: bool = False,
    ) -> list[Placement]:
        """As `locate`, of bases that meet the prior's circle alone; `among`: numbers of those that may be found."""
        near = prior.nearby(self.database.transforms, self.database.sizes)
        if among is not None:
            near &= np.isin(self.database.numbers, among)
        numbers = self.database.numbers[near]
        if not len(numbers):
            return []
        resolution = float(np.median([self.database.base(int(number)).resolution_m for number in numbers[:64]]))
        return self._placed(as_expected(rgb, valid, prior, resolution), numbers, prior, count, thorough)

    def locate_flight(
        self,
        frames: Sequence[Frame],
        *,
        count: int = 5,
        allowed: Allowed | None = None,
        progress: Progress | None = None,
    ) -> list[list[Placement]]:
        """Where the frames of one flight lie, in the order they were taken: see `flight.locate_flight`."""
        from mlcore.geolocation.flight import locate_flight

        return locate_flight(self, frames, count=count, allowed=allowed, progress=progress or SilentProgress())

    def allowed_numbers(self, allowed: Allowed | None) -> np.ndarray | None:
        """Numbers of the bases that may be found; None: all."""
        if allowed is None:
            return None
        chosen = [allowed(name) for name in self.database.names]
        return self.database.numbers[np.array(chosen, bool)] if chosen else self.database.numbers

    def _placed(
        self, view: View, among: np.ndarray | None, prior: Prior | None, count: int, thorough: bool
    ) -> list[Placement]:
        """The best bases with the view placed finely on them, surest first."""
        wanted = max(count, self.settings.placed) if thorough else self.settings.placed
        return Attempt(self, view, among, prior, wanted, thorough).run()


def _checked(rgb: np.ndarray, valid: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8:
        raise InvalidInputError(f"a picture must be (H, W, 3) uint8, not {rgb.shape} {rgb.dtype}")
    seen = np.ones(rgb.shape[:2], bool) if valid is None else np.asarray(valid, bool)
    if seen.shape != rgb.shape[:2]:
        raise InvalidInputError(f"valid must be {rgb.shape[:2]} as the picture, not {seen.shape}")
    shown = rgb[seen]
    if not len(shown) or (np.ptp(shown, axis=0) <= BLANK_RANGE).all():
        raise InvalidInputError("the picture is blank: choose one that shows ground")
    return rgb, seen
