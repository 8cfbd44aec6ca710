"""The cross-fitted model of a region: scores its tiles, writes its evidence, lists its change candidates."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from mlcore.changes.apply import apply_edit, largest_after
from mlcore.changes.diff import Candidate, candidates_of, iter_measures, measure_block, one_each, region_shifts
from mlcore.changes.registration import Shift
from mlcore.changes.verdicts import Judge, tile_figures
from mlcore.consistency.scan import score_tiles
from mlcore.errors import CheckpointError, InvalidInputError
from mlcore.evidence.picture import EvidenceReader, write_evidence
from mlcore.evidence.prior import prior_shift
from mlcore.geometry.webmercator import TileAddress
from mlcore.learning.checkpoints import read_tensors, write_tensors
from mlcore.pairs.source import PairSource
from mlcore.progress import Progress, SilentProgress, SpanProgress, stop_if_asked
from mlcore.region.config import RegionConfig
from mlcore.region.parts import FoldModel, TileResult

MODEL_KIND = "region"
UNMAPPED_FOLD = -1


class RegionModel:
    """Scores every tile by models that did not see it.

    Attributes:
        folds: one model per fold; a general model, learnt on other places, has a single one.
        fold_by_tile: which fold each mapped tile belongs to; empty for a general model.
        metrics: figures of the training, such as losses and counts.
        zoom: of the tiles that it scores.
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
        general = not self.fold_by_tile
        wanted = [
            tile
            for tile in tiles
            if tile in self.fold_by_tile or self.config.include_unmapped or (general and source.mapped(tile))
        ]
        return [tile for tile in wanted if _valid_share(source, tile) >= self.config.least_valid_share]

    def scan(
        self,
        source: PairSource,
        tiles: Sequence[TileAddress],
        *,
        evidence_path: Path,
        progress: Progress | None = None,
    ) -> Iterator[TileResult]:
        """Write the evidence of the tiles, then yield a result for each.

        Tiles outside the coverage are left out unless `config.include_unmapped`; so are tiles without image.

        Raises:
            InvalidInputError: tiles of another zoom, or none to scan.
            StoppedError: asked to stop.
        """
        progress = progress or SilentProgress()
        if any(tile.z != self.zoom for tile in tiles):
            raise InvalidInputError(f"this model scores zoom {self.zoom}: scan tiles of that zoom")
        wanted = self.chosen(source, tiles)
        if not wanted:
            raise InvalidInputError("no mapped tile with image among these: check the area, or scan unmapped tiles too")
        self.write_evidence(source, wanted, evidence_path, SpanProgress(progress, 0, 0.6))
        evidence = EvidenceReader(evidence_path, self.zoom)
        results = self.results_on(source, evidence, wanted, SpanProgress(progress, 0.6, 1.0))
        for tile in wanted:
            stop_if_asked(progress)
            yield results[tile]

    def results_on(
        self,
        source: PairSource,
        evidence: EvidenceReader,
        tiles: Sequence[TileAddress],
        progress: Progress | None = None,
    ) -> dict[TileAddress, TileResult]:
        """Results of tiles whose evidence is written already: the image is the same, the map may be another edition."""
        progress = progress or SilentProgress()
        shifts = region_shifts(evidence, source.index, tiles, SpanProgress(progress, 0, 0.1))
        judged, largest = self._judged(source, evidence, tiles, shifts, SpanProgress(progress, 0.1, 0.6))
        found = self._by_tile(judged)
        scores = self.consistency_scores(source, tiles, SpanProgress(progress, 0.6, 1.0))
        results = (self._result(tile, scores[tile], found.get(tile, []), largest[tile]) for tile in tiles)
        return {result.tile: result.with_shift(shifts[result.tile]) for result in results}

    def write_evidence(
        self, source: PairSource, tiles: Sequence[TileAddress], path: Path, progress: Progress | None = None
    ) -> None:
        """The building evidence of `tiles`, each by models that did not see it.

        A general model's is fitted to how built-up the map says that the place is.
        """
        networks = [fold.evidence for fold in self.folds]
        mapped = [tile for tile in tiles if source.mapped(tile)]
        shift = 0.0 if self.fold_by_tile else prior_shift(networks, source, mapped)
        by_fold = [[network] for network in networks] + [networks]
        write_evidence(
            path, source.reader, tiles, lambda tile: by_fold[self.fold_of(tile)], flips=self.config.flips,
            prior_shift=shift, progress=progress,
        )  # fmt: skip

    def consistency_scores(
        self, source: PairSource, tiles: Sequence[TileAddress], progress: Progress | None = None
    ) -> dict[TileAddress, tuple[float, float, float]]:
        """disc, proto and final of U-CSA for every tile; the next tiles are read and drawn while these are scored."""
        progress = progress or SilentProgress()
        scores: dict[TileAddress, tuple[float, float, float]] = {}
        for fold in sorted({self.fold_of(tile) for tile in tiles}):
            members = [tile for tile in tiles if self.fold_of(tile) == fold]
            models = [model.consistency for model in self.models_of(members[0])]
            span = SpanProgress(progress, len(scores) / len(tiles), (len(scores) + len(members)) / len(tiles))
            for views, batch in score_tiles(models, source, members, progress=span):
                rows = zip(batch.disc.tolist(), batch.proto.tolist(), batch.final.tolist(), strict=True)
                scores |= {view.tile: row for view, row in zip(views, rows, strict=True)}
        return scores

    def candidates(
        self,
        source: PairSource,
        evidence_path: Path,
        results: Mapping[TileAddress, TileResult],
        progress: Progress | None = None,
    ) -> Iterator[Candidate]:
        """Change candidates of the scanned tiles, surest first.

        The first `config.counterfactuals` are put into the map, and their tile is rendered, measured and scored anew:
        `tile_probability_after` with `counterfactual` = "measured". For the others the tile's verdict is taken without
        the candidate ("estimated").
        """
        progress = progress or SilentProgress()
        evidence = EvidenceReader(evidence_path, self.zoom)
        tiles = list(results)
        shifts = region_shifts(evidence, source.index, tiles, SpanProgress(progress, 0, 0.1))
        found, _ = self._judged(source, evidence, tiles, shifts, SpanProgress(progress, 0.1, 0.6))
        found.sort(key=lambda one: -one.confidence)
        by_tile = self._by_tile(found)
        for number, candidate in enumerate(found):
            stop_if_asked(progress)
            result = results[candidate.tile]
            if number < self.config.counterfactuals:
                after, how = self._after(source, evidence, candidate, shifts), "measured"
                progress.report(
                    0.6 + 0.4 * (number + 1) / min(len(found), self.config.counterfactuals), "counterfactuals"
                )
            else:
                others = [other for other in by_tile[candidate.tile] if other is not candidate]
                score = (result.disc, result.proto, result.final)
                largest = largest_after(evidence, source.index, candidate, shifts[candidate.tile])
                after, how = self._result(candidate.tile, score, others, largest).probability, "estimated"
            figures = candidate.evidence | {
                "tile_probability": result.probability, "tile_probability_after": after, "counterfactual": how,
            }  # fmt: skip
            yield dataclasses.replace(candidate, evidence=figures)

    def _after(
        self, source: PairSource, evidence: EvidenceReader, candidate: Candidate, shifts: Mapping[TileAddress, Shift]
    ) -> float:
        """The tile's probability once the candidate's edit is in the map."""
        tile = candidate.tile
        edited = source.with_index(apply_edit(source.index, candidate))
        measures = measure_block(evidence, edited.index, tile, [tile], shifts)
        found, score = candidates_of(measures, self._judges), self.consistency_scores(edited, [tile])[tile]
        return self._result(tile, score, found, measures.largest[tile]).probability

    def _judges(self, tile: TileAddress) -> list[Judge]:
        return [model.judge for model in self.models_of(tile)]

    def _judged(
        self,
        source: PairSource,
        evidence: EvidenceReader,
        tiles: Sequence[TileAddress],
        shifts: Mapping[TileAddress, Shift],
        progress: Progress,
    ) -> tuple[list[Candidate], dict[TileAddress, float]]:
        """Candidates, and the largest difference of every tile."""
        found, largest = list[Candidate](), dict[TileAddress, float]()
        for measures in iter_measures(evidence, source.index, tiles, shifts, progress):
            found += candidates_of(measures, self._judges)
            largest |= measures.largest
        return one_each(found), largest

    @staticmethod
    def _by_tile(candidates: Sequence[Candidate]) -> dict[TileAddress, list[Candidate]]:
        by_tile: dict[TileAddress, list[Candidate]] = {}
        for candidate in candidates:
            by_tile.setdefault(candidate.tile, []).append(candidate)
        return by_tile

    def _result(
        self,
        tile: TileAddress,
        score: tuple[float, float, float],
        candidates: Sequence[Candidate],
        largest: float,
    ) -> TileResult:
        disc, proto, final = score
        figures = tile_figures(
            final,
            [candidate.confidence for candidate in candidates],
            [candidate.changed_m2 for candidate in candidates],
            largest,
        )
        probability = float(np.mean([model.judge.consistent(figures) for model in self.models_of(tile)]))
        return TileResult(tile, self.fold_of(tile), disc, proto, final, float(figures[1]), probability)

    def save(self, path: Path, extra: Mapping[str, Any] | None = None) -> str:
        """Write everything to one safetensors file; returns its SHA-256.

        Args:
            extra: plain values for the file's metadata, such as licences.
        """
        tensors: dict[str, Tensor] = {}
        for number, fold in enumerate(self.folds):
            for part in ("evidence", "consistency", "judge"):
                for name, tensor in getattr(fold, part).state_dict().items():
                    tensors[f"{number}/{part}/{name}"] = tensor
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
    def load(cls, path: Path, sha256: str | None = None) -> RegionModel:
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
        return cls(config, folds, fold_by_tile, meta["metrics"], zoom=zoom)


def _valid_share(source: PairSource, tile: TileAddress) -> float:
    return float(source.reader.read_tile(tile, 64).valid.mean())
