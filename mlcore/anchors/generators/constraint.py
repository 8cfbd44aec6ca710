"""Constrained decoding: at every step only tokens that can still become a valid anchor are allowed."""

from __future__ import annotations

from typing import Any

import llguidance
import numpy as np
import torch
from torch import Tensor
from transformers import LogitsProcessor, PreTrainedTokenizerBase

from mlcore.anchors.generators.answers import constrained_schema
from mlcore.anchors.generators.base import GeneratorError


class AnchorGrammar:
    """The grammar of an anchor's JSON over one tokenizer's vocabulary; made once per model.

    Args:
        tokenizer: a fast tokenizer.
        end_tokens: ids that end an answer.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, end_tokens: list[int]) -> None:
        backend = getattr(tokenizer, "backend_tokenizer", None)
        if backend is None:
            raise GeneratorError("the model has no fast tokenizer (tokenizer.json): choose another checkpoint")
        self.tokenizer = llguidance.LLTokenizer(backend.to_str(), eos_token=end_tokens)
        self.end_tokens = end_tokens
        self.grammar = llguidance.LLMatcher.grammar_from_json_schema(
            constrained_schema(), overrides={"whitespace_flexible": False}
        )

    def matcher(self) -> Any:
        """A fresh matcher for one answer."""
        return llguidance.LLMatcher(self.tokenizer, self.grammar)


class AnchorConstraint(LogitsProcessor):
    """Masks the logits of one batch; one object per call of `generate`.

    Args:
        prompt_length: tokens of the (padded) prompt, alike for the whole batch.
        batch: answers written at once.
    """

    def __init__(self, grammar: AnchorGrammar, batch: int, prompt_length: int) -> None:
        self.grammar, self.prompt_length = grammar, prompt_length
        self.matchers = [grammar.matcher() for _ in range(batch)]
        self.read = prompt_length

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """input_ids (B, L), scores (B, V) -> scores with -inf wherever a token would break the schema."""
        for column in range(self.read, input_ids.shape[1]):
            for matcher, token in zip(self.matchers, input_ids[:, column].tolist(), strict=True):
                if not matcher.is_stopped():
                    matcher.consume_token(token)
        self.read = input_ids.shape[1]
        allowed = np.zeros(scores.shape, bool)
        for row, matcher in enumerate(self.matchers):
            if matcher.is_stopped():
                allowed[row, self.grammar.end_tokens] = True
                continue
            bits = np.unpackbits(np.frombuffer(matcher.compute_bitmask(), np.uint8), bitorder="little")
            size = min(len(bits), scores.shape[1], self.grammar.tokenizer.vocab_size)
            allowed[row, :size] = bits[:size] != 0
        return scores.masked_fill(~torch.from_numpy(allowed).to(scores.device), float("-inf"))
