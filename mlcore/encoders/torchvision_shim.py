"""Lets torchvision, and with it timm, open_clip and transformers, be imported beside a torch of another build.

torch often arrives as a CPU build and torchvision as a CUDA build: its compiled operators don't load, and the import
then dies with "operator torchvision::nms does not exist", though nothing here ever calls that operator. Defining the
two schemas first is enough. Where the two builds fit each other, nothing is changed.
"""

from __future__ import annotations

import importlib
import sys
import threading

import torch

from mlcore.errors import MissingPackageError

SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_lock = threading.Lock()
_kept: list[torch.library.Library] = []


def ensure_torchvision() -> None:
    """Make `import torchvision` work in this process; call it before importing timm, open_clip or transformers.

    Raises:
        MissingPackageError: torchvision isn't installed, or is broken in another way.
    """
    with _lock:
        if "torchvision" in sys.modules:
            return
        try:
            importlib.import_module("torchvision")
        except RuntimeError as error:
            if "torchvision::" not in str(error):
                raise MissingPackageError(_broken(error)) from error
            _define_schemas()
        except ImportError as error:
            raise MissingPackageError(_broken(error)) from error


def _define_schemas() -> None:
    """Define the operators that were not loaded, drop what the failed import left, and import again."""
    library = torch.library.Library("torchvision", "FRAGMENT")
    _kept.append(library)  # the schemas live as long as the library object
    for schema in SCHEMAS:
        if not hasattr(torch.ops.torchvision, schema.partition("(")[0]):
            library.define(schema)
    for name in [name for name in sys.modules if name == "torchvision" or name.startswith("torchvision.")]:
        del sys.modules[name]
    try:
        importlib.import_module("torchvision")
    except (ImportError, RuntimeError) as error:
        raise MissingPackageError(_broken(error)) from error


def _broken(error: Exception) -> str:
    return f"torchvision can't be imported ({error}): pip install -c deploy/constraints.txt torchvision"
