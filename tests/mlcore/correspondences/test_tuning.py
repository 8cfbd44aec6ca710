"""Settings by which a matcher goes on learning."""

from __future__ import annotations

import pytest

from mlcore.correspondences.config import StructureConfig
from mlcore.correspondences.tuning import PRESETS, TuningConfig
from mlcore.errors import ConfigError


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_comes_back_from_what_is_stored_and_keeps_the_sizes_of_its_start(name: str) -> None:
    config = TuningConfig.preset(name)
    assert TuningConfig.from_dict(config.to_dict()) == config
    start = StructureConfig(widths=(8, 8, 12, 16), channels=4)
    network = config.of_network(start)
    assert (network.widths, network.channels) == (start.widths, start.channels)
    assert (network.steps, network.learning_rate) == (config.steps, config.learning_rate)


@pytest.mark.parametrize("wrong", [{"towns": -1}, {"towns": 99}, {"town_share": 1.0}, {"batch": 1}, {"rounds": 3}])
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        TuningConfig.from_dict(wrong)


def test_an_unknown_preset_names_those_there_are() -> None:
    with pytest.raises(ConfigError, match="compact, quick, tiny"):
        TuningConfig.preset("paper")
