"""`http`: a multimodal model behind any OpenAI-compatible endpoint, asked for many tiles at once."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from random import Random
from typing import Any, TypeVar

import httpx

from mlcore.anchors.generators.answers import constrained_schema, read_answer
from mlcore.anchors.generators.backoff import pause_s
from mlcore.anchors.generators.base import Origin, Outcome, Stopped, TileSource
from mlcore.anchors.generators.endpoint import Endpoint
from mlcore.anchors.generators.exchange import AskError, Reply, ask
from mlcore.anchors.generators.hosts import ForbiddenHostError
from mlcore.anchors.generators.pictures import data_url, pictures
from mlcore.anchors.generators.tally import Count, Tally
from mlcore.anchors.prompt import PROMPT_VERSION, load_prompt
from mlcore.anchors.schema import AnchorError
from mlcore.geometry.webmercator import TileAddress

GENERATOR = "http"
Result = TypeVar("Result")
POLL_S = 0.25
Messages = list[dict[str, Any]]


def _by_schema(*, full: bool) -> dict[str, Any]:
    schema = constrained_schema(pattern=full, lengths=full)
    return {"type": "json_schema", "json_schema": {"name": "semantic_anchor", "strict": True, "schema": schema}}


@cache
def forms() -> tuple[dict[str, Any], ...]:
    """How the answer is constrained, best first; a server that refuses one (400, 422) is asked in the next."""
    return (
        {"response_format": _by_schema(full=True)},
        {"response_format": _by_schema(full=False)},
        {"response_format": {"type": "json_object"}},
        {},
    )


class HttpGenerator:
    """Asks an endpoint, `concurrency` tiles at a time, with bounded retries; gives up where it stays away.

    Args:
        allowed_hosts: hosts that may be asked though their addresses are not public, named by an administrator.
        seed: of the jitter of the pauses.

    Raises:
        ConfigError: the key's environment variable is not set.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        allowed_hosts: Collection[str] = (),
        prompt_version: str = PROMPT_VERSION,
        seed: int | None = None,
    ) -> None:
        self.endpoint, self.allowed_hosts = endpoint, frozenset(allowed_hosts)
        self.prompt = load_prompt(prompt_version)
        self.origin = Origin(GENERATOR, endpoint.model, "", self.prompt.version, self.prompt.digest)
        self.random = Random(seed)  # noqa: S311 - jitter, no secret
        self.form = 0
        _ = endpoint.key

    def describe(self, tiles: Sequence[TileAddress], source: TileSource, stopped: Stopped) -> Iterator[Outcome]:
        """See Generator; outcomes come as answers do, not in the order of the tiles.

        Requests under way are dropped once `stopped()` is true. After several tiles in a row that stayed without an
        answer, all the rest is given up without being asked for.
        """
        tally = Tally(tiles, patience=max(3, self.endpoint.concurrency))
        # The loop has a thread of its own: the caller's may run one already, as in a notebook.
        with ThreadPoolExecutor(1, thread_name_prefix="endpoint") as thread:
            runner = asyncio.Runner()

            def run(work: Coroutine[Any, Any, Result]) -> Result:
                return thread.submit(runner.run, work).result()

            workers = run(self._start(tally, source))
            try:
                while tally.left:
                    if stopped():
                        return
                    yield from run(tally.take(POLL_S))
            finally:
                run(_cancel(workers))
                thread.submit(runner.close).result()

    def close(self) -> None:
        """Connections are closed with each run."""

    async def _start(self, tally: Tally, source: TileSource) -> list[asyncio.Task[None]]:
        count = min(self.endpoint.concurrency, max(tally.left, 1))
        return [asyncio.create_task(self._work(tally, source)) for _ in range(count)]

    async def _work(self, tally: Tally, source: TileSource) -> None:
        async with httpx.AsyncClient(
            timeout=self.endpoint.timeout_s, follow_redirects=False, trust_env=False
        ) as client:
            while (tile := tally.next_tile()) is not None:
                try:
                    tally.put(await self._describe(client, tile, source, tally))
                except Exception as error:
                    tally.fail(error)
                    return

    async def _describe(
        self, client: httpx.AsyncClient, tile: TileAddress, source: TileSource, tally: Tally
    ) -> Outcome:
        """One tile: an answer, and one more where the first does not fit the schema."""
        messages = await asyncio.to_thread(self._messages, tile, source)
        count, problem = Count(tile), ""
        for _ in range(2):
            try:
                reply = await self._answer(client, messages, tally, count)
                return count.outcome(read_answer(reply.text))
            except AnchorError as error:
                problem = str(error)
                messages = messages + self._repair(reply.text, problem)
            except AskError as error:
                problem = f"the endpoint's answer can't be used: {error}"
                if error.reason != "junk":
                    tally.hopeless = tally.hopeless or (f"the endpoint {error}" if error.hopeless else "")
                    return count.outcome(None, error.reason, f"the endpoint gave no answer: {error}")
            except ForbiddenHostError as error:
                tally.hopeless = str(error)
                return count.outcome(None, "refused", str(error))
        return count.outcome(None, "junk", problem)

    async def _answer(self, client: httpx.AsyncClient, messages: Messages, tally: Tally, count: Count) -> Reply:
        """A reply, after as many attempts as are allowed and in a form the server takes."""
        form, attempt = self.form, 1
        while True:
            count.tries += 1
            try:
                reply = await ask(client, self.endpoint, self.allowed_hosts, self._body(messages, form))
            except AskError as error:
                if error.reason == "bad_request" and form + 1 < len(forms()):
                    form += 1
                    continue
                if not error.passing or attempt >= self.endpoint.attempts or tally.hopeless:
                    raise
                await asyncio.sleep(self._pause_s(attempt, error.wait_s))
                attempt += 1
                continue
            self.form = max(self.form, form)
            count.add(reply)
            return reply

    def _pause_s(self, attempt: int, wait_s: float | None) -> float:
        first, longest = self.endpoint.wait_s, self.endpoint.longest_wait_s
        return pause_s(attempt, first_s=first, longest_s=longest, retry_after_s=wait_s, random=self.random)

    def _body(self, messages: Messages, form: int) -> dict[str, Any]:
        settings = {"temperature": 0.0, "max_tokens": self.endpoint.max_tokens, "stream": False}
        return {"model": self.endpoint.model, "messages": messages, **settings, **forms()[form]}

    def _messages(self, tile: TileAddress, source: TileSource) -> Messages:
        shown = [
            {"type": "image_url", "image_url": {"url": data_url(picture)}}
            for picture in pictures(tile, source, self.endpoint.side_px)
        ]
        text = {"type": "text", "text": self.prompt.user}
        return [{"role": "system", "content": self.prompt.system}, {"role": "user", "content": [*shown, text]}]

    def _repair(self, answer: str, problem: str) -> Messages:
        return [
            {"role": "assistant", "content": answer[:2000]},
            {"role": "user", "content": self.prompt.repair(problem)},
        ]


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
