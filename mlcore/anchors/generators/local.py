"""`transformers`: any image-text-to-text checkpoint run here, in batches, held to the schema while it writes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from mlcore.anchors.generators.answers import longest_answer, read_answer
from mlcore.anchors.generators.base import GeneratorError, Origin, Outcome, Stopped, TileSource
from mlcore.anchors.generators.checkpoint import find_checkpoint, shown_name, weights_digest
from mlcore.anchors.generators.pictures import SIDE_PX, check_side, pictures
from mlcore.anchors.prompt import PROMPT_VERSION, load_prompt
from mlcore.anchors.schema import AnchorError
from mlcore.encoders.torchvision_shim import ensure_torchvision
from mlcore.errors import ConfigError, MissingPackageError
from mlcore.geometry.webmercator import TileAddress
from mlcore.pairs.prefetch import prefetched

GENERATOR = "transformers"
SPARE_TOKENS = 16
Conversation = list[dict[str, Any]]


class TransformersGenerator:
    """Qwen2.5-VL or any other checkpoint that takes pictures and text and writes text.

    Every answer is decoded under the schema's grammar, so that any model, even an untrained one, gives valid anchors;
    how true they are depends on the model alone. The checkpoint may hold nothing but data: safetensors, no code.

    Args:
        model: folder of a checkpoint, or a hub name.
        device: a torch device; weights are bfloat16 on a GPU, float32 elsewhere.
        batch: tiles described at once.
        side_px: size of the two pictures shown per tile.

    Raises:
        GeneratorError: no such model, an unsafe one, or one that takes no pictures.
    """

    def __init__(
        self,
        model: str,
        *,
        device: str = "cpu",
        batch: int = 4,
        side_px: int = SIDE_PX,
        prompt_version: str = PROMPT_VERSION,
    ) -> None:
        if not 1 <= batch <= 256:
            raise ConfigError("a batch holds 1..256 tiles")
        self.device, self.batch, self.side_px = device, batch, check_side(side_px)
        self.prompt = load_prompt(prompt_version)
        folder = find_checkpoint(model)
        self.origin = Origin(
            GENERATOR, shown_name(model), weights_digest(folder), self.prompt.version, self.prompt.digest
        )
        self.processor, self.model, self.grammar = _load(folder, device)

    def describe(self, tiles: Sequence[TileAddress], source: TileSource, stopped: Stopped) -> Iterator[Outcome]:
        """See Generator; batch by batch, pictures read ahead."""
        groups = [tiles[first : first + self.batch] for first in range(0, len(tiles), self.batch)]

        def load(group: Sequence[TileAddress]) -> list[Conversation]:
            return [self._conversation(*pictures(tile, source, self.side_px)) for tile in group]

        for group, conversations in zip(groups, prefetched(load, groups, workers=1, ahead=2), strict=True):
            if stopped():
                return
            yield from self._describe_batch(group, conversations)

    def close(self) -> None:
        """Free the model's memory."""
        del self.model
        if self.device.startswith("cuda"):
            torch.cuda.empty_cache()

    def _describe_batch(self, tiles: Sequence[TileAddress], conversations: list[Conversation]) -> list[Outcome]:
        """One outcome per tile; answers that don't fit get one more try, told what was wrong."""
        outcomes, again = [], []
        for index, (answer, tokens_in, tokens_out) in enumerate(self._write(conversations)):
            outcomes.append(_outcome(tiles[index], answer, tokens_in, tokens_out))
            if outcomes[-1].anchor is None:
                again.append((index, answer))
        if again:
            talks = [conversations[index] + self._repair(answer, outcomes[index].detail) for index, answer in again]
            for (index, _), (answer, tokens_in, tokens_out) in zip(again, self._write(talks), strict=True):
                first = outcomes[index]
                total_in, total_out = (first.tokens_in or 0) + tokens_in, (first.tokens_out or 0) + tokens_out
                outcomes[index] = _outcome(tiles[index], answer, total_in, total_out, tries=2)
        return outcomes

    def _write(self, conversations: list[Conversation]) -> list[tuple[str, int, int]]:
        """What the model writes to each conversation, greedily, with the tokens read and written."""
        from mlcore.anchors.generators.constraint import AnchorConstraint

        inputs = self.processor.apply_chat_template(
            conversations,
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            processor_kwargs={"padding": True},
        ).to(self.device)
        length = inputs["input_ids"].shape[1]
        constraint = AnchorConstraint(self.grammar, len(conversations), length)
        with torch.inference_mode():
            written = self.model.generate(
                **inputs,
                do_sample=False,
                max_new_tokens=longest_answer() + SPARE_TOKENS,
                logits_processor=[constraint],
                pad_token_id=self.processor.tokenizer.pad_token_id,
            )[:, length:]
        texts = self.processor.batch_decode(written, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        read = inputs["attention_mask"].sum(dim=1).tolist()
        return list(zip(texts, read, self._lengths(written), strict=True))

    def _lengths(self, written: Tensor) -> list[int]:
        """Tokens of each answer up to and with its end, of ids (B, L)."""
        ends = torch.isin(written, torch.tensor(self.grammar.end_tokens, device=written.device))
        return [int(row.float().argmax()) + 1 if bool(row.any()) else len(row) for row in ends]

    def _conversation(self, image: Image.Image, map_picture: Image.Image) -> Conversation:
        shown = [{"type": "image", "image": picture} for picture in (image, map_picture)]
        return [
            {"role": "system", "content": [_text(self.prompt.system)]},
            {"role": "user", "content": [*shown, _text(self.prompt.user)]},
        ]

    def _repair(self, answer: str, problem: str) -> Conversation:
        return [
            {"role": "assistant", "content": [_text(answer)]},
            {"role": "user", "content": [_text(self.prompt.repair(problem))]},
        ]


def _text(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}


def _outcome(tile: TileAddress, answer: str, tokens_in: int, tokens_out: int, *, tries: int = 1) -> Outcome:
    try:
        return Outcome(tile, read_answer(answer), "", "", tokens_in, tokens_out, tries)
    except AnchorError as error:
        return Outcome(tile, None, "junk", str(error), tokens_in, tokens_out, tries)


def _load(folder: Path, device: str) -> tuple[Any, Any, Any]:
    """Processor, model and grammar of a checkpoint."""
    ensure_torchvision()
    try:
        from transformers import AutoModelForImageTextToText, AutoProcessor
        from transformers.utils.logging import disable_progress_bar as hide_progress_bars

        from mlcore.anchors.generators.constraint import AnchorGrammar
    except ImportError as error:
        raise MissingPackageError(f"can't load models here ({error}): pip install transformers llguidance") from error
    hide_progress_bars()
    dtype = torch.bfloat16 if device.startswith("cuda") else torch.float32
    safe = {"trust_remote_code": False, "local_files_only": True}
    try:
        processor = AutoProcessor.from_pretrained(folder, **safe)
        model: Any = AutoModelForImageTextToText.from_pretrained(folder, dtype=dtype, use_safetensors=True, **safe)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        said = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise GeneratorError(
            f"{folder.name} can't be loaded as a model that reads pictures and writes text: {said}"
        ) from error
    tokenizer = getattr(processor, "tokenizer", None)
    if tokenizer is None or getattr(processor, "image_processor", None) is None:
        raise GeneratorError(f"{folder.name} has no processor for pictures: choose an image-text-to-text checkpoint")
    tokenizer.padding_side = "left"
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    ends = model.generation_config.eos_token_id
    end_tokens = [tokenizer.eos_token_id] if ends is None else ends if isinstance(ends, list) else [ends]
    return processor, model.to(device).eval(), AnchorGrammar(tokenizer, end_tokens)
