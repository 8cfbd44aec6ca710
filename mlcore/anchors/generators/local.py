"""`transformers`: any image-text-to-text checkpoint run here, in batches, held to the schema while it writes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import batched
from typing import Any

import torch
from torch import Tensor

from mlcore.anchors.generators.answers import longest_answer, read_answer
from mlcore.anchors.generators.base import GeneratorError, Origin, Outcome, Stopped
from mlcore.anchors.generators.checkpoint import find_checkpoint, weights_digest
from mlcore.anchors.generators.pictures import SIDE_PX, check_side, pictures
from mlcore.anchors.prompt import PROMPT_VERSION, load_prompt
from mlcore.anchors.schema import AnchorError
from mlcore.encoders.torchvision_shim import ensure_torchvision
from mlcore.errors import ConfigError, MissingPackageError
from mlcore.geometry.webmercator import TileAddress
from mlcore.tiles.pairs import PairSource

Conversation = list[dict[str, Any]]
