"""One training step of U-CSA: in one go, in parts, in several processes, in half precision; always the same loss.

A contrastive loss needs all features of a batch at once: its other pairs are the negatives. Summing the losses of
small batches is therefore another, easier task. Where a batch is encoded in parts or by several processes, the step
goes as in GradCache (Gao et al. 2021): encode without gradients, gather the features, take the loss of the whole
batch and its gradient for every feature, then encode again part by part and hand each part its features' gradients.
The gradient is that of the whole batch. Batch normalisation alone sees one part of one process at a time, unless
`batch_norm` is "frozen".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from typing import Any

import torch
from torch import Tensor, nn

from mlcore.consistency.batches import Batch
from mlcore.consistency.config import ConsistencyConfig
from mlcore.consistency.model import ConsistencyModel
from mlcore.consistency.stages import Seen, encode_pairs
from mlcore.errors import ConfigError
from mlcore.learning.precision import bfloat16_is_native
from mlcore.learning.processes import Processes

GRADIENT_NORM = 5.0
LABELS = ("index", "masks", "edited_masks", "valid")
"""What the losses read of a batch beside its features."""

Losses = Callable[[Seen, Batch], dict[str, Tensor]]


class Stepper:
    """Takes the steps of a stage.

    Args:
        model: its encoders' batch normalisation is put into the state the config asks for by `prepare`.
        optimiser: over the parameters that this stage trains.
        processes: who trains together; a batch given to `take` is this process's share.
        frozen: leave the encoders as they are.
        edited: encode the edited maps too.
    """

    def __init__(
        self, model: ConsistencyModel, optimiser: torch.optim.Optimizer, processes: Processes, *,
        frozen: bool = False, edited: bool = False,
    ) -> None:  # fmt: skip
        self.model, self.optimiser, self.processes = model, optimiser, processes
        self.frozen, self.edited, self.accumulate = frozen, edited, model.config.accumulate
        self.kind = torch.device(processes.device).type
        self.precision = training_precision(model.config, processes.device)
        self.scaler = torch.amp.GradScaler(self.kind) if self.precision == torch.float16 else None
        self.encoders: list[nn.Module] = [model.image_encoder, model.map_encoder]
        backend = model.config.compile
        self._calls: list[Any] = [torch.compile(e, backend=backend) if backend else e for e in self.encoders]

    def prepare(self) -> None:
        """Set the modes of an epoch, after the whole model was put into training mode."""
        for encoder in self.encoders:
            if self.frozen:
                encoder.eval()
            elif self.model.config.batch_norm == "frozen":
                for module in encoder.modules():
                    if isinstance(module, nn.modules.batchnorm._BatchNorm):
                        module.eval()

    def take(self, batch: Batch, losses: Losses) -> dict[str, float]:
        """One step of the optimiser; the figures that `losses` gives, of the whole batch of all processes."""
        batch = Batch(*(getattr(batch, field.name).to(self.processes.device) for field in fields(Batch)))
        # Of the whole model: what an earlier stage left would weigh in the norm, and not after a resumption.
        self.model.zero_grad(set_to_none=True)
        figures = self._gradients(batch, losses)
        if self.scaler is not None:
            self.scaler.unscale_(self.optimiser)
        nn.utils.clip_grad_norm_(self.model.parameters(), GRADIENT_NORM)
        if self.scaler is None:
            self.optimiser.step()
        else:
            self.scaler.step(self.optimiser)
            self.scaler.update()
        return {name: float(value.detach()) for name, value in figures.items()}

    def finish(self) -> None:
        """Give every process the mean of the encoders' running statistics, at the end of an epoch."""
        if self.processes.count > 1:
            buffers = [each for encoder in self.encoders for each in encoder.buffers() if each.is_floating_point()]
            self.processes.add_up(buffers)
            torch._foreach_div_(buffers, self.processes.count)

    def _gradients(self, batch: Batch, losses: Losses) -> dict[str, Tensor]:
        if self.processes.count == 1 and self.accumulate == 1:
            with self._autocast():
                figures = losses(self._encode(batch), batch)
            self._backward(figures["total"])
            return figures
        parts = _split(batch, self.accumulate)
        own, seen = self._features(parts)
        shared = [self.processes.gather(tensor.detach()).requires_grad_(not self.frozen) for tensor in own]
        with self._autocast():
            figures = losses(Seen.from_tensors(shared), self._labels(batch))
        self._backward(figures["total"])
        if not self.frozen:
            self._hand_back(parts, seen, shared)
        if self.processes.count > 1:
            self._add_up()
        return figures

    def _features(self, parts: Sequence[Batch]) -> tuple[list[Tensor], Seen | None]:
        """This process's features, and, where its share is encoded in one go, the graph behind them."""
        if len(parts) == 1:
            with self._autocast():
                seen = self._encode(parts[0])
            return list(seen.tensors()), seen
        with torch.no_grad(), kept_buffers(self.encoders), self._autocast():
            tensors = [self._encode(part).tensors() for part in parts]
        return [torch.cat(each) for each in zip(*tensors, strict=True)], None

    def _hand_back(self, parts: Sequence[Batch], seen: Seen | None, shared: Sequence[Tensor]) -> None:
        """Pass the gradients of this process's features on into the encoders."""
        share = len(parts[0].index)
        start = self.processes.rank * share * len(parts)
        for number, part in enumerate(parts):
            if seen is None:
                with self._autocast():
                    tensors = self._encode(part).tensors()
            else:
                tensors = seen.tensors()
            rows = slice(start + number * share, start + (number + 1) * share)
            pairs = [(own, each.grad[rows]) for own, each in zip(tensors, shared, strict=True) if each.grad is not None]
            torch.autograd.backward([own for own, _ in pairs], [gradient for _, gradient in pairs])

    def _add_up(self) -> None:
        """Sum the encoders' gradients, of which each process holds its share; the rest is the same in all."""
        encoders = {id(weight) for encoder in self.encoders for weight in encoder.parameters()}
        gradients = []
        for weight in self.model.parameters():
            if weight.grad is not None:
                if id(weight) not in encoders:
                    weight.grad /= self.processes.count
                gradients.append(weight.grad)
        self.processes.add_up(gradients)

    def _labels(self, batch: Batch) -> Batch:
        """The whole batch of all processes, without its pictures."""
        own = {name: self.processes.gather(getattr(batch, name)) for name in LABELS}
        return replace(batch, images=batch.images[:0], maps=batch.maps[:0], edited=batch.edited[:0], **own)

    def _encode(self, batch: Batch) -> Seen:
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            return encode_pairs(batch, *self._calls, edited=self.edited)

    def _backward(self, total: Tensor) -> None:
        (total if self.scaler is None else self.scaler.scale(total)).backward()

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.kind, self.precision or torch.bfloat16, enabled=self.precision is not None)


def training_precision(config: ConsistencyConfig, device: str) -> torch.dtype | None:
    """What the networks are trained in under autocast; None: float32.

    Raises:
        ConfigError: float16 was asked for without CUDA.
    """
    if config.precision == "auto":
        return torch.bfloat16 if bfloat16_is_native(device) else None
    if config.precision == "float16" and torch.device(device).type != "cuda":
        raise ConfigError('float16 is trained on CUDA alone: use precision = "bfloat16", or "auto"')
    return {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}[config.precision]


@contextmanager
def kept_buffers(modules: Sequence[nn.Module]) -> Iterator[None]:
    """Put running statistics back afterwards: a batch that is encoded twice counts once."""
    buffers = [buffer for module in modules for buffer in module.buffers()]
    before = [buffer.clone() for buffer in buffers]
    try:
        yield
    finally:
        with torch.no_grad():
            for buffer, value in zip(buffers, before, strict=True):
                buffer.copy_(value)


def _split(batch: Batch, parts: int) -> list[Batch]:
    size = len(batch.index) // parts
    cut = {field.name: getattr(batch, field.name).split(size) for field in fields(Batch)}
    return [Batch(**{name: pieces[number] for name, pieces in cut.items()}) for number in range(parts)]
