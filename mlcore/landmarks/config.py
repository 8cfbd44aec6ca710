"""Settings of the four towers, their heads and the training, and the presets.

MMLandmarks gives: CLIP ViT-L/14-336, two-layer heads to 512 dimensions, sigma 1, 16 and 256, AdamW 1e-4 with a weight
decay of 5e-4, batches of 512, 20 epochs. The width of its capsules is GeoCLIP's, which it takes them from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from mlcore.errors import ConfigError
from mlcore.landmarks.samples import MODALITIES

VARIANTS = ("all", "imagebind")


@dataclass(frozen=True)
class LandmarkConfig:
    """The model; the defaults are the preset `compact`.

    Attributes:
        image: the frozen tower of aerial images and ground photos: "timm/<network>", a network of the EfficientNet
            family with its ImageNet classifier; "open_clip/<architecture>"; or "compact", random, for tests.
        image_weights: published weights of it (see `mlcore.encoders`); "" for those of an installed package.
        image_px: pictures are brought to squares of this side.
        text: the frozen text tower (see `mlcore.encoders.text`).
        text_weights, text_activation: of it.
        text_dimension: of the vectors of a tower that makes them of any size.
        gps_weights: published capsules that the tower of coordinates begins with (`geoclip.py`): "geoclip", those of
            the installed package, or their file; "": none.
        looks: weight of what things that a text names look like (`looks.py`); 0: none, as published.
        dimension: of the common space.
        hidden: of the heads' inner layer; 0: heads are one linear layer.
        novelty: weight of the coordinate that says how unlike all that was learnt something is (`novelty.py`);
            nonsense: of the one that says how little sense a text makes. Neither is in the paper; 0 and 0: left out.
        anchors: so many of what was learnt are kept, of each kind, to say so by; drawn by chance where there are more.
        dropout: share of the towers' features left out in a step of training.
        sigmas: of the coordinates' random Fourier features, one capsule each.
        capsule, capsule_layers: width and inner layers of a capsule.
        fourier: random frequencies of a capsule.
        fine_sigmas: of the finer capsules, which speak only near what they learnt; empty: none.
        reach_m: so far from what was learnt the finer capsules still speak.
        variant: "all" pairs of modalities, or "imagebind": only those with an image.
        learn: whose heads are trained (of gps: its tower); the others stay as they are.
        temperature: the first one of the contrast, learnt from there.
        position_epochs: of the tower of coordinates alone, after the heads, which then learn nothing of positions;
            0: everything is learnt at once, as published.
        epochs, batch, learning_rate, weight_decay, warmup: of AdamW, with linear warm-up (share of the steps) and
            cosine decay.
        views: turned and mirrored views of each picture that training draws from, 1 to 8.
    """

    image: str = "timm/tf_efficientnet_lite0"
    image_weights: str = ""
    image_px: int = 256
    text: str = "static"
    text_weights: str = ""
    text_activation: str = ""
    text_dimension: int = 256
    gps_weights: str = ""
    looks: float = 1.0
    dimension: int = 256
    hidden: int = 512
    novelty: float = 0.8
    nonsense: float = 1.5
    anchors: int = 768
    dropout: float = 0.3
    sigmas: tuple[float, ...] = (1.0, 16.0, 256.0)
    capsule: int = 256
    capsule_layers: int = 2
    fourier: int = 128
    fine_sigmas: tuple[float, ...] = (4096.0, 32768.0)
    reach_m: float = 500.0
    variant: str = "all"
    learn: tuple[str, ...] = MODALITIES
    temperature: float = 0.07
    epochs: int = 20
    position_epochs: int = 250
    batch: int = 256
    learning_rate: float = 1e-3
    weight_decay: float = 5e-4
    warmup: float = 0.05
    views: int = 4

    def __post_init__(self) -> None:
        kind = self.image.partition("/")[0]
        if kind not in ("timm", "open_clip", "compact"):
            raise ConfigError(f"no image tower {self.image!r}: choose timm/<network> or open_clip/<architecture>")
        if self.variant not in VARIANTS:
            raise ConfigError(f"no variant {self.variant!r}: choose from {', '.join(VARIANTS)}")
        if self.dimension < 8 or self.hidden < 0 or min(self.capsule, self.fourier, self.capsule_layers) < 1:
            raise ConfigError("dimension must be 8 or more, hidden not negative, capsules of one unit or more")
        if self.image_px < 32 or self.image_px % 16:
            raise ConfigError("image_px must be a multiple of 16, 32 or more")
        if not self.sigmas or min((*self.sigmas, *self.fine_sigmas)) <= 0 or not self.reach_m > 0:
            raise ConfigError("sigmas and reach_m must be positive, and there must be one sigma or more")
        if not 0 <= self.dropout < 1 or not 0 <= self.warmup < 1 or not 0 < self.temperature <= 1:
            raise ConfigError("dropout and warmup must lie in 0..1, the temperature above 0 and not above 1")
        if min(self.epochs, self.batch) < 1 or self.batch < 2 or not 0 < self.learning_rate < 1:
            raise ConfigError("epochs must be positive, batch 2 or more, the learning rate between 0 and 1")
        if min(self.looks, self.novelty, self.nonsense, self.position_epochs) < 0 or self.anchors < 1:
            raise ConfigError(
                "looks, novelty, nonsense, position_epochs must not be negative, anchors must be positive"
            )
        if not self.learn or set(self.learn) - set(MODALITIES):
            raise ConfigError(f"learn must name one or more of {', '.join(MODALITIES)}")
        if not 1 <= self.views <= 8:
            raise ConfigError("views must lie in 1..8: a square has four turns and their mirror images")

    @property
    def measures(self) -> bool:
        """Whether vectors have coordinates that are measured, beside the learnt ones."""
        return bool(self.novelty or self.nonsense)

    @classmethod
    def preset(cls, name: str, **changes: Any) -> LandmarkConfig:
        """One of PRESETS with some settings changed; ConfigError names them where there is no such one."""
        if name not in PRESETS:
            raise ConfigError(f"no preset {name!r}: choose from {', '.join(PRESETS)}")
        return cls.from_dict({**PRESETS[name].to_dict(), **changes})

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> LandmarkConfig:
        """Read a stored configuration; an unknown key raises ConfigError."""
        unknown = set(values) - {field.name for field in fields(cls)}
        if unknown:
            raise ConfigError(f"unknown settings of landmarks {sorted(unknown)}; remove them")
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
            raise ConfigError(f"no setting {name!r} of landmarks; NAME is one of {', '.join(defaults)}")
        kind = type(defaults[name])
        try:
            return name, kind(value)
        except ValueError as error:
            raise ConfigError(f"{name} is a {kind.__name__}: {value!r} is none") from error

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


PRESETS: dict[str, LandmarkConfig] = {
    "paper": LandmarkConfig(
        image="open_clip/ViT-L-14-336",
        image_weights="openai",
        image_px=336,
        text="open_clip/ViT-L-14-336",
        text_weights="openai",
        dimension=512,
        hidden=768,
        looks=0.0,
        novelty=0.0,
        nonsense=0.0,
        dropout=0.0,
        capsule=1024,
        capsule_layers=3,
        fourier=256,
        fine_sigmas=(),
        epochs=20,
        position_epochs=0,
        batch=512,
        learning_rate=1e-4,
        weight_decay=5e-4,
        warmup=0.0,
        views=1,
    ),
    "compact": LandmarkConfig(),
}
PRESETS["tiny"] = replace(
    LandmarkConfig(),
    image="compact",
    image_px=32,
    text="hashed",
    text_dimension=32,
    dimension=16,
    hidden=16,
    dropout=0.0,
    capsule=16,
    capsule_layers=1,
    fourier=8,
    epochs=2,
    position_epochs=0,
    batch=4,
    views=1,
)
"""`paper`: the published design; `compact`: for two cores; `tiny`: for tests."""
