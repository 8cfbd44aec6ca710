"""The HTTP generator against a real `transformers serve` process with a tiny Qwen2.5-VL."""

import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import httpx
import pytest

from mlcore.anchors.generators.endpoint import Endpoint
from mlcore.anchors.generators.served import HttpGenerator
from tests.mlcore.anchors.generators.sources import Noise, never, tiles
from tests.tiny_mllm import LEARNT, make_tiny_qwen

pytest.importorskip("fastapi", reason="transformers serve needs fastapi, uvicorn and openai (pip install -e '.[dev]')")
ROOT = Path(__file__).resolve().parents[4]
START_S = 240


@contextmanager
def served(folder: Path, log: Path):
    """`transformers serve` on a free port of loopback, up and answering."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "tests/transformers_serve.py", str(folder), "--device", "cpu"]
    settings = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    with log.open("w") as out:
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port)], cwd=ROOT, env=settings, stdout=out, stderr=out
        )
        try:
            wait_for(f"http://127.0.0.1:{port}/health", process, log)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()
            process.wait(30)


def wait_for(url: str, process: subprocess.Popen, log: Path) -> None:
    deadline, pause = time.monotonic() + START_S, Event()
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(url, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pause.wait(0.2)
    raise AssertionError(f"transformers serve did not start: {log.read_text()[-2000:]}")


@pytest.mark.slow
def test_a_real_server_describes_tiles_and_counts_its_tokens(tmp_path):
    folder = make_tiny_qwen(tmp_path / "tiny", learnt=True)
    with served(folder, tmp_path / "log") as url:
        asked = Endpoint(url, str(folder), side_px=28, concurrency=2, timeout_s=120, attempts=2)
        found = list(HttpGenerator(asked, allowed_hosts=["127.0.0.1"]).describe(tiles(4), Noise(), never))
    assert [one.anchor and one.anchor.to_dict() for one in found] == [LEARNT] * 4
    assert all(one.tokens_in > 300 and one.tokens_out >= 1 for one in found)
