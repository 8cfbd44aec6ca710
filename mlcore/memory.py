"""How a process of long computations treats the memory that it has freed.

A training step frees and asks for the same large tensors again and again. The C library of Linux hands each of them
back to the kernel, which then clears every page anew: on a virtual machine that can take longer than the arithmetic. A
process that keeps what it freed needs as much memory as at its fullest moment, until it gives the rest back.
"""

from __future__ import annotations

import ctypes
import platform

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
_NEVER = 2**31 - 1


def keep_freed_memory() -> bool:
    """Keep freed memory for what comes next; call it before the first large tensor.

    Returns:
        Whether it took effect: elsewhere than with the C library of GNU nothing is changed.
    """
    library = _gnu_library()
    return library is not None and bool(library.mallopt(_MMAP_MAX, 0) and library.mallopt(_TRIM_THRESHOLD, _NEVER))


def release_freed_memory() -> None:
    """Give freed memory back to the system, as after a job."""
    library = _gnu_library()
    if library is not None:
        library.malloc_trim(0)


def _gnu_library() -> ctypes.CDLL | None:
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None
