"""Published weights in small: files in the real formats of timm and open_clip, as the tests make them."""

import hashlib
import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from mlcore.encoders.torchvision_shim import ensure_torchvision

TIMM_MODEL = "resnet10t"
CLIP_CONFIG = {
    "embed_dim": 48,
    "vision_cfg": {"image_size": 32, "layers": [1, 1, 1, 1], "width": 8, "patch_size": None},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
}
"""CLIP RN50's form with few channels: a modified ResNet beside a text transformer."""


def timm_state(seed: int = 0, model: str = TIMM_MODEL) -> dict:
    """The whole network as timm publishes it, classifier included."""
    ensure_torchvision()
    import timm

    torch.manual_seed(seed)
    return timm.create_model(model, pretrained=False).state_dict()


def timm_file(folder: Path, seed: int = 0) -> Path:
    path = folder / "model.safetensors"
    save_file(timm_state(seed), path)
    return path


def clip_folder(folder: Path, seed: int = 0, **changes) -> Path:
    """A folder as open_clip's hub repositories are: open_clip_config.json and open_clip_model.safetensors."""
    ensure_torchvision()
    import open_clip

    config = {**CLIP_CONFIG, **changes}
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": {}}))
    model = open_clip.create_model(f"local-dir:{folder}", load_weights=False)
    save_file({name: value.contiguous() for name, value in model.state_dict().items()},
              folder / "open_clip_model.safetensors")  # fmt: skip
    return folder


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def hub_cache(home: Path, repository: str, files: dict[str, Path]) -> None:
    """Lay `files` out as the hub's cache keeps a downloaded repository."""
    root = home / "hub" / f"models--{repository.replace('/', '--')}"
    revision = "a" * 40
    snapshot = root / "snapshots" / revision
    snapshot.mkdir(parents=True)
    (root / "refs").mkdir()
    (root / "refs" / "main").write_text(revision)
    for name, path in files.items():
        (snapshot / name).write_bytes(path.read_bytes())
