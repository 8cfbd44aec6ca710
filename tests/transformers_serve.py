"""`transformers serve` with the arguments given, also where torchvision is of another build than torch.

That build's compiled image decoder is missing there; Pillow decodes in its place. All else is the server's own.
"""

import io
import sys

import numpy as np
import torch
from PIL import Image

from mlcore.encoders.torchvision_shim import ensure_torchvision


def decode_image(data: torch.Tensor, mode: object = None, apply_exif_orientation: bool = False) -> torch.Tensor:
    """Bytes of a picture, uint8 (N,) -> uint8 (3, H, W) RGB."""
    picture = Image.open(io.BytesIO(data.numpy().tobytes())).convert("RGB")
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1).contiguous()


if __name__ == "__main__":
    ensure_torchvision()
    import torchvision.io

    try:
        torchvision.io.decode_image(torch.zeros(1, dtype=torch.uint8))
    except RuntimeError as error:
        if "image extension" in str(error):
            torchvision.io.decode_image = decode_image
    from transformers.cli.transformers import main

    sys.argv = ["transformers", "serve", *sys.argv[1:]]
    main()
