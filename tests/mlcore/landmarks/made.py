"""Samples made for tests: pictures of one tone each, which a text names, along a street."""

import numpy as np

from mlcore.landmarks.samples import Sample, SampleList

TONES = {"red": (200, 30, 30), "green": (30, 180, 40), "blue": (30, 40, 200), "grey": (120, 120, 120)}
NORTH_DEG = 27.63


def picture(tone: str, rng: np.random.Generator, side: int = 32) -> np.ndarray:
    noise = rng.normal(0, 12, (side, side, 3))
    return np.clip(np.array(TONES[tone]) + noise, 0, 255).astype(np.uint8)


def made_samples(count: int = 24, *, ground: bool = True, seed: int = 0) -> SampleList:
    """Of each something is missing, of none more than two modalities."""
    rng = np.random.default_rng(seed)
    samples = []
    for number in range(count):
        tone = list(TONES)[number % len(TONES)]
        samples.append(
            Sample(
                name=str(number),
                place=tone,
                aerial=picture(tone, rng) if number % 5 else None,
                ground=picture(tone, rng, 40) if ground and number % 5 == 0 else None,
                texts=(f"a {tone} field", f"this is {tone}") if number % 6 else (),
                gps=(85.5 + 0.001 * number, NORTH_DEG),
                group=tone,
            )
        )
    return SampleList(samples)
