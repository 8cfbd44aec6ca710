"""Settings of the locator and of its training, and the presets.

TopicGeo gives: threshold 0.2, windows of 4, Z = 10, focal loss 0.25 and 2, temperatures 1/5 and 1, Adam at 5e-4 with
batches of 2. It does not give the widths, the limits of its verification and its weight lambda: those here are ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from mlcore.errors import ConfigError

CELL_PX, WINDOW_PX, FINE_PX = 64, 16, 4
"""Sides of the three levels' cells in the model's pixels."""
TEACHERS = ("clip", "classes", "labels")


@dataclass(frozen=True)
class GeolocationConfig:
    """The locator; the defaults are the preset `compact`.

    Attributes:
        encoder: "timm/<network>", cut off at 1/16; or "pyramid", patch embedding and residual stages trained from
            nothing, with `widths` channels at 1/4, 1/8, 1/16, 1/32 and 1/64.
        frozen: the stages of a timm encoder down to 1/8 or 1/16 are never trained: an epoch computes them once; 0: all
            of them are.
        channels, window_channels, fine_channels: of a token at 1/64, of a feature at 1/16 and at 1/4.
        descriptor: size of a picture's global descriptor.
        heads: of attention.
        base_px, query_px: the longest side of a base, and of a query at each of its scales; more is shrunk.
        query_scales: a query is seen at each of them; what then exceeds `query_px` is cut to the middle.
        prompts: version of the topics' texts (`prompts/<version>.json`).
        text_encoder, text_weights: the frozen text tower (see `mlcore.encoders.text`).
        teacher: "clip", the image tower beside the text tower; "classes", a classifier of land covers learnt from
            photos with a class; "labels", these classes alone.
        topics, attributes: categories are embedded, and attributes after them (Table 3).
        distillation, weighted: topics are taught by a teacher, and weigh the loss of tokens (Table 3).
        context: linear self-attention with rotary positions beside the topics.
        masking: how often a training step leaves out one of the two branches.
        category_temperature, attribute_temperature: t of Eq. 1-2.
        dustbin: a token may also have no counterpart at all: a learnt logit beside those of Eq. 5-6.
        threshold: of Eq. 7.
        retrieval_neighbours, matching_neighbours: k of MKNN in cells; 0 keeps mutual nearest neighbours alone.
        mknn, verification: Eq. 8 and Eq. 9-11 are used; without the latter, the number of matches is the score.
        truncation: Z of Eq. 9-10.
        distance_limit, angle_limit_deg: delta_d, of logarithms of distance ratios, and delta_c.
        angle_share: lambda; angle_neighbours: k of the angles.
        verified_matches: the most probable matches of a base that are verified.
        centre_assignment: labels follow the centres of cells, not their corners (Section 3.3).
        fine_matching: coarse matches are refined at 1/16 and 1/4 (Section 3.4).
        window: radius of the windows at 1/16 in cells; fine_window: at 1/4.
        align_px: longest side at which query and base are laid upon each other to be refined.
        focal_alpha, focal_gamma: of Eq. 12-13.
        steps, batch, pairs_per_epoch: optimiser steps, pairs of each, and pairs drawn for an epoch; each pair is used
            `passes` times.
        learning_rate, weight_decay, warmup: AdamW, linear warm-up (share of the steps), cosine decay.
        train_query_px, train_base_px, train_fine_px: sides of the training pictures.
        scale_spread: a training query is seen at 1 / this to this of its base's scale.
        contrast, descriptor_weight: of the contrast of tokens over the batch, and of descriptors; 0: not in the paper.
    """

    encoder: str = "timm/tf_efficientnet_lite0"
    widths: tuple[int, int, int, int, int] = (24, 40, 112, 160, 160)
    frozen: int = 16
    channels: int = 128
    window_channels: int = 64
    fine_channels: int = 32
    descriptor: int = 256
    heads: int = 4
    base_px: int = 2048
    query_px: int = 512
    query_scales: tuple[float, ...] = (0.5, 1.0, 2.0)
    prompts: str = "land_cover_v1"
    text_encoder: str = "hashed"
    text_weights: str = ""
    teacher: str = "labels"
    topics: bool = True
    attributes: bool = True
    distillation: bool = True
    weighted: bool = True
    context: bool = True
    masking: float = 0.3
    category_temperature: float = 0.2
    attribute_temperature: float = 1.0
    dustbin: bool = True
    threshold: float = 0.1
    retrieval_neighbours: int = 0
    matching_neighbours: int = 1
    mknn: bool = True
    verification: bool = True
    truncation: float = 10.0
    distance_limit: float = 0.2
    angle_limit_deg: float = 25.0
    angle_share: float = 0.5
    angle_neighbours: int = 5
    verified_matches: int = 32
    centre_assignment: bool = True
    fine_matching: bool = True
    window: int = 4
    fine_window: int = 4
    align_px: int = 512
    focal_alpha: float = 0.25
    focal_gamma: float = 2.0
    steps: int = 1440
    batch: int = 24
    pairs_per_epoch: int = 96
    passes: int = 4
    learning_rate: float = 1.5e-3
    weight_decay: float = 1e-2
    warmup: float = 0.05
    train_query_px: int = 256
    train_base_px: int = 384
    train_fine_px: int = 192
    scale_spread: float = 1.6
    contrast: float = 1.0
    descriptor_weight: float = 0.5

    def __post_init__(self) -> None:
        if len(self.widths) != 5 or min(self.widths) < 4:
            raise ConfigError("widths must be five numbers of 4 or more")
        if self.encoder != "pyramid" and not self.encoder.startswith("timm/"):
            raise ConfigError(f"no encoder {self.encoder!r} of a locator: choose pyramid, or timm/<network>")
        if self.teacher not in TEACHERS:
            raise ConfigError(f"no teacher {self.teacher!r}: choose from {', '.join(TEACHERS)}")
        if self.frozen not in (0, 8, 16) or (self.frozen and self.encoder == "pyramid"):
            raise ConfigError("frozen must be 0, 8 or 16, and 0 of a pyramid, which starts from nothing")
        if self.heads < 1 or self.channels % (4 * self.heads):
            raise ConfigError("channels must be a multiple of four times the heads: positions turn pairs of x and of y")
        sides = (self.base_px, self.query_px, self.align_px, self.train_query_px, self.train_base_px,
                 self.train_fine_px)  # fmt: skip
        if any(side < CELL_PX or side % CELL_PX for side in sides):
            raise ConfigError(f"sides of pictures must be multiples of {CELL_PX} px")
        if not self.query_scales or min(self.query_scales) <= 0 or 1.0 not in self.query_scales:
            raise ConfigError("query_scales must be positive and name 1.0, the scale of the picture itself")
        if min(self.category_temperature, self.attribute_temperature, self.distance_limit, self.angle_limit_deg) <= 0:
            raise ConfigError("temperatures and limits must be positive")
        shares = (self.masking, self.threshold, self.angle_share, self.focal_alpha)
        if not all(0 <= share <= 1 for share in shares) or not self.truncation > 1:
            raise ConfigError("masking, threshold, angle_share and focal_alpha must lie in 0..1, truncation above 1")
        if min(self.retrieval_neighbours, self.matching_neighbours) < 0 or min(self.window, self.fine_window) < 1:
            raise ConfigError("neighbours must not be negative, windows must reach one cell or more")
        if min(self.steps, self.batch, self.passes, self.angle_neighbours) < 1 or self.verified_matches < 4:
            raise ConfigError("steps, batch, passes and angle_neighbours must be positive, verified_matches 4 or more")
        if self.pairs_per_epoch < self.batch or self.pairs_per_epoch % self.batch:
            raise ConfigError("pairs_per_epoch must be a multiple of batch")
        if not 0 < self.learning_rate < 1 or not self.scale_spread >= 1:
            raise ConfigError("the learning rate must lie between 0 and 1, scale_spread must be 1 or more")

    @classmethod
    def preset(cls, name: str, **changes: Any) -> GeolocationConfig:
        """One of PRESETS with some settings changed; ConfigError names them where there is no such one."""
        if name not in PRESETS:
            raise ConfigError(f"no preset {name!r}: choose from {', '.join(PRESETS)}")
        return cls.from_dict({**PRESETS[name].to_dict(), **changes})

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> GeolocationConfig:
        """Read a stored configuration; an unknown key raises ConfigError."""
        unknown = set(values) - {field.name for field in fields(cls)}
        if unknown:
            raise ConfigError(f"unknown locator settings {sorted(unknown)}; remove them")
        known: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
        }
        return cls(**known)

    @classmethod
    def parse_setting(cls, text: str) -> tuple[str, Any]:
        """ "batch=8" -> ("batch", 8), with the type of that setting; anything else raises ConfigError."""
        name, _, value = text.partition("=")
        defaults = cls().to_dict()
        if name not in defaults or isinstance(defaults[name], tuple):
            raise ConfigError(f"no setting {name!r} of a locator; NAME is one of {', '.join(defaults)}")
        kind = type(defaults[name])
        try:
            return name, {"true": True, "false": False}[value.lower()] if kind is bool else kind(value)
        except (ValueError, KeyError) as error:
            raise ConfigError(f"{name} is a {kind.__name__}: {value!r} is none") from error

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


PRESETS: dict[str, GeolocationConfig] = {
    "paper": GeolocationConfig(
        encoder="pyramid",
        frozen=0,
        widths=(64, 128, 256, 256, 256),
        channels=256,
        window_channels=128,
        fine_channels=64,
        heads=8,
        base_px=5120,
        query_px=1536,
        query_scales=(1.0,),
        text_encoder="open_clip/ViT-B-32",
        text_weights="openai",
        teacher="clip",
        dustbin=False,
        threshold=0.2,
        verified_matches=128,
        steps=200_000,
        batch=2,
        pairs_per_epoch=1000,
        passes=1,
        learning_rate=5e-4,
        weight_decay=0.0,
        train_query_px=640,
        train_base_px=1280,
        train_fine_px=320,
        scale_spread=2.0,
        contrast=0.0,
        descriptor_weight=0.0,
    ),
    "compact": GeolocationConfig(),
}
PRESETS["tiny"] = replace(
    GeolocationConfig(),
    encoder="pyramid",
    frozen=0,
    widths=(8, 8, 12, 16, 16),
    channels=16,
    window_channels=8,
    fine_channels=8,
    descriptor=16,
    heads=2,
    base_px=256,
    query_px=128,
    query_scales=(1.0,),
    threshold=0.02,
    align_px=128,
    steps=4,
    batch=2,
    pairs_per_epoch=4,
    passes=1,
    train_query_px=128,
    train_base_px=192,
    train_fine_px=128,
)
"""`paper`: the published design; `compact`: for two cores; `tiny`: for tests."""
