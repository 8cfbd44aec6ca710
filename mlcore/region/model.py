"""The cross-fitted model of a region: its networks by fold, what they say of tiles, and its file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from mlcore.changes.usual import Usual
from mlcore.changes.verdicts import VerdictsByTile
from mlcore.consistency.scan import score_tiles
from mlcore.cores import Cores
from mlcore.correspondences.dense.neighbours import Known
from mlcore.correspondences.dense.shift import Shift
from mlcore.errors import CheckpointError
from mlcore.evidence.ensemble import EvidenceEnsemble
from mlcore.evidence.picture import EvidenceReader
from mlcore.evidence.place import fitted_place
from mlcore.evidence.writing import write_evidence
from mlcore.geometry.webmercator import TileAddress
from mlcore.learning.checkpoints import read_tensors, write_tensors
from mlcore.learning.threads import batches_at_once
from mlcore.pairs.source import PairSource
from mlcore.progress import Progress, SilentProgress, SpanProgress
from mlcore.region.assess import Assessment, assess
from mlcore.region.config import RegionConfig
from mlcore.region.parts import STORED_AS, FoldModel
from mlcore.region.scan import scan
from mlcore.region.usual import usual_place

MODEL_KIND = "region"
UNMAPPED_FOLD = -1


class RegionModel:
    """Scores every tile by models that did not see it.

    Attributes:
        folds: one model per fold; a general model, learnt on other places, has a single one.
        fold_by_tile: which fold each mapped tile belongs to; empty for a general model.
        metrics: figures of the training, such as losses and counts.
        zoom: of the tiles that it scores; of most places that it learnt from, where it is general.
    """

    def __init__(
        self,
        config: RegionConfig,
        folds: Sequence[FoldModel],
        fold_by_tile: Mapping[TileAddress, int],
        metrics: Mapping[str, float],
        zoom: int | None = None,
    ) -> None:
        self.config, self.folds = config, list(folds)
        self.fold_by_tile, self.metrics = dict(fold_by_tile), dict(metrics)
        self.zoom = next(iter(self.fold_by_tile)).z if zoom is None else zoom

    @property
    def general(self) -> bool:
        """Whether it learnt on other places alone: it scores any place, at any zoom."""
        return not self.fold_by_tile

    @property
    def asks_usual(self) -> bool:
        """Whether what is usual in a place must be known before its classifiers are asked."""
        return any(fold.classifier.asks_usual for fold in self.folds)

    def to(self, device: str) -> RegionModel:
        """The same model, its networks on `device`; the small classifiers stay on the processor."""
        for fold in self.folds:
            fold.to(device)
        return self

    def fold_of(self, tile: TileAddress) -> int:
        """The fold that scores a tile; -1 where the tile was in none."""
        return self.fold_by_tile.get(tile, UNMAPPED_FOLD)

    def models_of(self, tile: TileAddress) -> list[FoldModel]:
        """The models that may score a tile: its own fold's, or all for a tile that none has seen."""
        fold = self.fold_of(tile)
        return self.folds if fold == UNMAPPED_FOLD else [self.folds[fold]]

    def chosen(self, source: PairSource, tiles: Sequence[TileAddress]) -> list[TileAddress]:
        """The tiles that are scanned: mapped ones of this region, and unmapped ones where the config asks for them.

        A general model, which has no region of its own, scans every mapped tile.
        """
        wanted = [
            tile
            for tile in tiles
            if tile in self.fold_by_tile or self.config.include_unmapped or (self.general and source.mapped(tile))
        ]
        return [tile for tile in wanted if _valid_share(source, tile) >= self.config.least_valid_share]

    def scan(
        self,
        source: PairSource,
        tiles: Sequence[TileAddress],
        *,
        evidence_path: Path,
        known: Known | None = None,
        progress: Progress | None = None,
    ) -> Assessment:
        """Scores and candidates of the tiles in one pass (`mlcore.region.scan`)."""
        return scan(self, source, tiles, evidence_path=evidence_path, known=known, progress=progress)

    def assess(
        self,
        source: PairSource,
        evidence: EvidenceReader,
        tiles: Sequence[TileAddress],
        progress: Progress | None = None,
        cores: Cores | None = None,
    ) -> Assessment:
        """Scores and candidates under one edition of the map, on evidence that is written (`mlcore.region.assess`)."""
        return assess(self, source, evidence, tiles, cores=cores, progress=progress)

    def write_evidence(
        self,
        source: PairSource,
        tiles: Sequence[TileAddress],
        path: Path,
        progress: Progress | None = None,
        cores: Cores | None = None,
    ) -> None:
        """The building evidence of `tiles`, each by models that did not see it.

        A general model's is fitted to what the map says of the place (`mlcore.evidence.place`).
        """
        ensembles = [fold.evidence for fold in self.folds]
        whole = EvidenceEnsemble.mean_of(ensembles)
        threads = batches_at_once(cores, self.folds[0].evidence.device)
        if self.general:
            place = fitted_place(whole, source, [tile for tile in tiles if source.mapped(tile)], threads)
            ensemble_of, seen = place.ensemble_of, place.seen
        else:
            by_fold, seen = [*ensembles, whole], {}
            ensemble_of = lambda tile: by_fold[self.fold_of(tile)]  # noqa: E731
        write_evidence(
            path, source.reader, tiles, ensemble_of, flips=self.config.flips, seen=seen, threads=threads,
            progress=progress,
        )  # fmt: skip

    def consistency_scores(
        self, source: PairSource, tiles: Sequence[TileAddress], progress: Progress | None = None
    ) -> dict[TileAddress, tuple[float, float, float]]:
        """disc, proto and final of U-CSA for every tile; the next tiles are read and drawn while these are scored.

        Of a general model, whose scores are told and weighed by nothing, each pair is looked at once, as published,
        and not also turned and mirrored.
        """
        progress, turns = progress or SilentProgress(), 1 if self.general else None
        scores: dict[TileAddress, tuple[float, float, float]] = {}
        for fold in sorted({self.fold_of(tile) for tile in tiles}):
            members = [tile for tile in tiles if self.fold_of(tile) == fold]
            models = [model.consistency_asked for model in self.models_of(members[0])]
            span = SpanProgress(progress, len(scores) / len(tiles), (len(scores) + len(members)) / len(tiles))
            for views, batch in score_tiles(models, source, members, turns=turns, progress=span):
                rows = zip(batch.disc.tolist(), batch.proto.tolist(), batch.final.tolist(), strict=True)
                scores |= {view.tile: row for view, row in zip(views, rows, strict=True)}
        return scores

    def usual_in(
        self,
        source: PairSource,
        evidence: EvidenceReader,
        tiles: Sequence[TileAddress],
        shifts: Mapping[TileAddress, Shift],
        cores: Cores | None = None,
        progress: Progress | None = None,
    ) -> Usual | None:
        """What is usual in a place (`mlcore.region.usual`), where its classifiers ask for that; None elsewhere."""
        if not self.asks_usual:
            return None
        return usual_place(evidence, source, tiles, shifts, cores=cores, progress=progress)

    def verdicts(self, usual: Usual | None = None) -> VerdictsByTile:
        """What the classifiers that may weigh a tile say, for any process.

        Args:
            usual: what `usual_in` gave.
        """
        return VerdictsByTile([fold.classifier.plain(usual) for fold in self.folds], self.fold_by_tile)

    def save(self, path: Path, extra: Mapping[str, Any] | None = None, *, half: bool = False) -> str:
        """Write everything to one safetensors file; returns its SHA-256.

        Args:
            extra: plain values for the file's metadata, such as licences.
            half: weights of the networks' layers in half precision, for files that ship; they are read as single.
        """
        tensors: dict[str, Tensor] = {}
        for number, fold in enumerate(self.folds):
            for part, stored_as in STORED_AS.items():
                for name, tensor in getattr(fold, part).state_dict().items():
                    layer = half and part != "classifier" and tensor.ndim > 1 and tensor.is_floating_point()
                    tensors[f"{number}/{stored_as}/{name}"] = tensor.half() if layer else tensor
        meta = {
            **(extra or {}),
            "kind": MODEL_KIND,
            "config": self.config.to_dict(),
            "zoom": self.zoom,
            "folds": [[tile.z, tile.x, tile.y, fold] for tile, fold in sorted(self.fold_by_tile.items())],
            "metrics": self.metrics,
        }
        return write_tensors(path, tensors, meta)

    @classmethod
    def load(cls, path: Path, sha256: str | None = None, device: str = "cpu") -> RegionModel:
        """Read what `save` wrote; CheckpointError where the file is damaged, of another kind or digest."""
        tensors, meta = read_tensors(path, sha256=sha256)
        if meta.get("kind") != MODEL_KIND:
            raise CheckpointError(f"{path} holds a {meta.get('kind')!r} model, not a region's: choose a region model")
        config = RegionConfig.from_dict(meta["config"])
        fold_by_tile = {TileAddress(z, x, y): fold for z, x, y, fold in meta["folds"]}
        zoom = int(meta["zoom"]) if "zoom" in meta else next(iter(fold_by_tile)).z
        parts: dict[int, dict[str, dict[str, Tensor]]] = {}
        for name, tensor in tensors.items():
            number, part, rest = name.split("/", 2)
            parts.setdefault(int(number), {}).setdefault(part, {})[rest] = tensor
        folds = [FoldModel.from_tensors(config, parts[number]) for number in sorted(parts)]
        return cls(config, folds, fold_by_tile, meta["metrics"], zoom=zoom).to(device)


def _valid_share(source: PairSource, tile: TileAddress) -> float:
    return float(source.reader.read_tile(tile, 64).valid.mean())
