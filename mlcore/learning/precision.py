"""Which number formats a device computes fast in."""

from __future__ import annotations

from pathlib import Path

import torch


def bfloat16_is_native(device: str) -> bool:
    """Whether bfloat16 is faster than float32 on the device."""
    if torch.device(device).type == "cuda":
        return torch.cuda.is_bf16_supported()
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported()) and "avx512_bf16" in _cpu_flags()


def _cpu_flags() -> str:
    try:
        return Path("/proc/cpuinfo").read_text(errors="replace")[:20000]
    except OSError:
        return ""
