"""The prompt a multimodal model is given, from a versioned file and the schema (U-CSA 3.1, Figure 2)."""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from string import Template

from mlcore.anchors.schema import ATTRIBUTES, MAX_SUMMARY_WORDS, SCHEMA_VERSION
from mlcore.errors import ConfigError

PROMPT_VERSION = "1"
FOLDER = Path(__file__).parent / "prompts"
MAX_PROBLEM = 200


@dataclass(frozen=True)
class Prompt:
    """One prompt, filled in.

    Attributes:
        version: the name of its file.
        digest: SHA-256 of all it says, the vocabulary of the schema included.
        system, user: what the model is told; `user` goes with the two pictures, image first.
    """

    version: str
    digest: str
    system: str
    user: str
    repair_template: str

    def repair(self, problem: str) -> str:
        """What a model is told whose answer did not fit; `problem` is our own error text, never the model's."""
        return Template(self.repair_template).substitute(problem=problem[:MAX_PROBLEM])

    def to_dict(self) -> dict[str, str]:
        """For a preview: version, digest and the texts."""
        return {"version": self.version, "digest": self.digest, "system": self.system, "user": self.user}


def load_prompt(version: str = PROMPT_VERSION) -> Prompt:
    """The prompt of a version.

    Raises:
        ConfigError: there is no such version.
    """
    if version not in prompt_versions():
        raise ConfigError(f"there is no prompt {version[:40]!r}: choose one of {', '.join(prompt_versions())}")
    parts = tomllib.loads((FOLDER / f"v{version}.toml").read_text(encoding="utf-8"))
    names = [*ATTRIBUTES, "summary"]
    user = Template(parts["user"].strip()).substitute(
        attributes="\n".join(_line(name) for name in ATTRIBUTES), words=MAX_SUMMARY_WORDS, keys=", ".join(names)
    )
    system, repair = parts["system"].strip(), parts["repair"].strip()
    said = json.dumps([version, SCHEMA_VERSION, system, user, repair])
    return Prompt(version, hashlib.sha256(said.encode()).hexdigest(), system, user, repair)


def prompt_versions() -> list[str]:
    """Every version there is, oldest first."""
    return sorted((path.stem[1:] for path in FOLDER.glob("v*.toml")), key=lambda name: (len(name), name))


def _line(name: str) -> str:
    attribute = ATTRIBUTES[name]
    return f"- {name}: {attribute.question} {' | '.join(attribute.values)}"
