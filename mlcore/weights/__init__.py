"""Small weights trained by this project, with model cards; a new region starts from them."""

from __future__ import annotations

from pathlib import Path

GENERAL_FILE = Path(__file__).with_name("general.safetensors")
TRUNK_FILE = Path(__file__).with_name("trunk.safetensors")
MATCHER_FILE = Path(__file__).with_name("matcher.safetensors")
LOCATOR_FILE = Path(__file__).with_name("locator.safetensors")
LANDMARKS_FILE = Path(__file__).with_name("landmarks.safetensors")
