"""What a region's model says of a tile, as scores: evidence against map, and the probability that the queue uses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mlcore.anchors.geometric import describe_tile
from mlcore.changes.boxes import largest_box
from mlcore.changes.candidate import Candidate
from mlcore.errors import InvalidInputError
from mlcore.evaluation.footprints import footprint_figures
from mlcore.evidence.picture import EvidenceReader
from mlcore.geometry.webmercator import TileAddress
from mlcore.pairs.source import PairSource
from mlcore.progress import Progress, SpanProgress
from mlcore.region.assess import Assessment
from mlcore.region.config import RegionConfig
from mlcore.region.general import train_general
from mlcore.region.model import RegionModel
from mlcore.region.parts import TileResult
from mlcore.region.shipped import shipped_model
from mlcore.region.training import train_region
from mlcore.suites.task import Settings, Task

GENERAL_SHARE = 0.5
MODEL_FILE = "region.safetensors"


class RegionFamily:
    """One region model for several methods: trained once, its evidence written once, every edition scored once."""

    def __init__(self) -> None:
        self.model: RegionModel | None = None
        self.evidence_path = Path()
        self._evidence: EvidenceReader | None = None
        self._assessed: dict[int, Assessment] = {}

    def fit(self, task: Task, settings: Settings, progress: Progress) -> None:
        """Train (or take up) the model and write the evidence of the target's image."""
        if self.model is not None:
            return
        model = self._learn(task, settings, SpanProgress(progress, 0, 0.95))
        folder = self._folder(task, settings)
        folder.mkdir(parents=True, exist_ok=True)
        self.evidence_path = folder / "evidence-scored.tif"
        if not self.evidence_path.is_file():
            model.write_evidence(
                task.target.source, task.target.tiles, self.evidence_path, SpanProgress(progress, 0.95, 1.0)
            )
        self.model, self._evidence = model, EvidenceReader(self.evidence_path, model.zoom)

    @property
    def evidence(self) -> EvidenceReader:
        if self._evidence is None:
            raise InvalidInputError("this method was not trained yet: call fit first")
        return self._evidence

    def assessed(self, source: PairSource, tiles: Sequence[TileAddress]) -> Assessment:
        """What the model says of one edition; asked again for the same edition, it is remembered."""
        if self.model is None:
            raise InvalidInputError("this method was not trained yet: call fit first")
        if id(source) not in self._assessed:
            # An assessment holds its source, so that its id stays its own.
            self._assessed[id(source)] = self.model.assess(source, self.evidence, tiles)
        return self._assessed[id(source)]

    def candidates(self, source: PairSource, tiles: Sequence[TileAddress]) -> list[Candidate]:
        """The queue of one edition, without counterfactuals: they change no rank."""
        return self.assessed(source, tiles).candidates

    def footprints(self, task: Task) -> dict[str, float]:
        """The evidence against the target's mapped footprints."""
        return footprint_figures(task.target.source, self.evidence, task.target.tiles)

    def _learn(self, task: Task, settings: Settings, progress: Progress) -> RegionModel:
        share = GENERAL_SHARE if task.within else 1.0
        general = None
        if not task.within or settings.start != "scratch":
            general = self._general(task, settings, SpanProgress(progress, 0, share))
        if not task.within and general is not None:
            return general
        source, tiles = task.target.source, task.target.tiles
        folder = self._folder(task, settings)
        config = replace(settings.config, initial=False)
        return kept_region(
            folder / MODEL_FILE,
            config,
            lambda: train_region(
                source, tiles, {tile: describe_tile(tile, source.index) for tile in tiles}, config, initial=general,
                run_dir=folder, seed=settings.seed, device=settings.device, progress=SpanProgress(progress, share, 1),
            ),
            settings.device,
        )  # fmt: skip

    def _general(self, task: Task, settings: Settings, progress: Progress) -> RegionModel:
        if settings.start == "shipped":
            shipped = shipped_model()
            if shipped is None:
                raise InvalidInputError("no weights ship with this installation: use --start own")
            return shipped
        folder = settings.folder("region", task.training, "general")
        config = settings.config.for_many_places()
        return kept_region(
            folder / MODEL_FILE,
            config,
            lambda: train_general(
                task.training, config, run_dir=folder, seed=settings.seed, device=settings.device,
                progress=progress,
            ),
            settings.device,
        )  # fmt: skip

    @staticmethod
    def _folder(task: Task, settings: Settings) -> Path:
        how = f"from-{settings.start}" if task.within else f"unseen-{settings.start}"
        return settings.folder("region", task.training, f"{task.target.name}-{how}")


@dataclass
class RegionMethod:
    """One number of a region's results."""

    name: str
    family: RegionFamily
    value: Callable[[TileResult], float]
    probability: bool = False

    def fit(self, task: Task, settings: Settings, progress: Progress) -> None:
        self.family.fit(task, settings, progress)

    def score(self, source: PairSource, tiles: Sequence[TileAddress]) -> dict[TileAddress, float]:
        return {tile: self.value(result) for tile, result in self.family.assessed(source, tiles).results.items()}


@dataclass
class LargestBox:
    """The floor: the largest 21 px box of |evidence - map|, on the region model's evidence."""

    family: RegionFamily
    name: str = "largest_box"
    probability: bool = False

    def fit(self, task: Task, settings: Settings, progress: Progress) -> None:
        self.family.fit(task, settings, progress)

    def score(self, source: PairSource, tiles: Sequence[TileAddress]) -> dict[TileAddress, float]:
        found = {}
        for tile in tiles:
            window = self.family.evidence.window(tile, margin_px=0)
            mask = source.building_mask(tile, window.building.shape[0]) / 255
            found[tile] = -largest_box(window.building, mask, window.valid)
        return found


def kept_region(path: Path, config: RegionConfig, train: Callable[[], RegionModel], device: str) -> RegionModel:
    """The model of a file, trained now where it isn't there yet; the networks on `device`.

    Raises:
        InvalidInputError: the file was learnt with other settings.
    """
    if path.is_file():
        model = RegionModel.load(path, device=device)
        if model.config != config:
            raise InvalidInputError(f"{path} was learnt with other settings: choose another --out, or delete it")
        return model
    model = train()
    path.parent.mkdir(parents=True, exist_ok=True)
    model.save(path)
    return model


def change_head(family: RegionFamily) -> RegionMethod:
    """Evidence against map, as one number: log-odds that no building of the tile changed."""
    return RegionMethod("change_head", family, lambda result: -result.difference)


def combined(family: RegionFamily) -> RegionMethod:
    """The calibrated probability that image and map agree: what the queue uses."""
    return RegionMethod("combined", family, lambda result: result.probability, probability=True)
