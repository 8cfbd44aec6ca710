"""GeoCLIP's published capsules, to begin the tower of coordinates with (Vivanco Cepeda et al. 2023; MIT, weights too).

They know Earth by the kilometre: of a place and one 1 km off they say the same (cosine 0.99), of the next city another
thing. They have the sizes of the preset `paper`. Nothing of them ships here: they are read from the package `geoclip`,
of which nothing is imported, or from its file.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from mlcore.encoders.weights import Origin, load_into, read_weights
from mlcore.errors import CheckpointError, WeightsUnavailableError
from mlcore.landmarks.gps import GpsTower

PACKAGED = "geoclip"
FILE = "model/weights/location_encoder_weights.pth"
SHA256 = "94b80ae3af89fca78539e129dd2929d321247f5ceeeb0a31bc2c31041a253394"


def begin_with(tower: GpsTower, reference: str) -> Origin:
    """Put the published capsules into the coarse ones of a tower; the finer ones stay as they are.

    Args:
        reference: "geoclip", the installed package's file; or a file (see `mlcore.encoders.weights.read_weights`).

    Raises:
        WeightsUnavailableError: no such file or package.
        CheckpointError: other weights, or a tower of other sizes.
    """
    tensors, digest = read_weights(_packaged() if reference == PACKAGED else reference)
    renamed = {}
    for name, value in tensors.items():
        number, _, rest = name.removeprefix("LocEnc").partition(".")
        part, _, rest = rest.partition(".")
        place, _, kind = rest.partition(".")
        if (part, place) == ("capsule", "0"):
            renamed[f"{number}.frequencies"] = value
        elif part == "capsule":
            renamed[f"{number}.layers.{int(place) - 1}.{kind}"] = value
        elif part == "head":
            renamed[f"{number}.head.{kind}"] = value
        else:
            raise CheckpointError(f"{name} is none of GeoCLIP's location encoder: give location_encoder_weights.pth")
    sizes = "GeoCLIP's capsules (sigmas 1, 16, 256, fourier=256 capsule=1024 capsule_layers=3, 512 learnt dimensions)"
    load_into(tower.capsules, renamed, ignore=(), what=sizes)
    return Origin("geoclip", Path(reference.partition("#")[0]).name, digest)


def _packaged() -> str:
    found = importlib.util.find_spec(PACKAGED)
    if found is None or found.origin is None:
        raise WeightsUnavailableError(
            "GeoCLIP is not installed: pip install --no-deps geoclip==1.3.0, or name its location_encoder_weights.pth"
        )
    return f"{Path(found.origin).parent / FILE}#sha256={SHA256}"
