"""Freed memory is kept where it was asked for, and given back where that was."""

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
import torch
from mlcore.memory import keep_freed_memory, release_freed_memory

def resident_mb():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize() / 2**20

if "keep" in sys.argv:
    assert keep_freed_memory()
small = [torch.ones(1)]
for _ in range(30):
    torch.ones(64, 2**18)
before, start = resource.getrusage(resource.RUSAGE_SELF).ru_minflt, resident_mb()
for _ in range(20):
    torch.ones(64, 2**18)
faults, held = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before, resident_mb()
release_freed_memory()
print(faults, held - resident_mb())
"""


def figures_of(*words: str) -> tuple[int, float]:
    run = subprocess.run([sys.executable, "-c", PROGRAM, *words], capture_output=True, text=True, check=True)
    faults, released = run.stdout.split()
    return int(faults), float(released)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="this system has another C library than GNU's")
def test_large_tensors_are_made_of_the_memory_of_those_before_until_it_is_given_back() -> None:
    usual, _ = figures_of()
    kept, released = figures_of("keep")

    assert kept < usual / 3, f"{kept} pages were cleared anew, {usual} usually"
    assert released > 50
