"""Between rows of training and the library; the only importer of mlcore here.

Whatever imports torch is imported where it is used: the web server starts and lives without it.
"""

from annotation.learning.engine.configs import checked_by, checked_locator, checked_matcher, checked_region
from annotation.learning.engine.data import about, core_decisions, data_digest
from annotation.learning.engine.evaluations import Frozen, evaluate, frozen_set
from annotation.learning.engine.general import general_there, take_general
from annotation.learning.engine.locators import (
    evaluate_locators,
    imagery_payload,
    locator_config,
    locator_weights,
    train_locator,
)
from annotation.learning.engine.matcher_data import (
    Payload,
    digest_of,
    held_blocks_on,
    held_out,
    is_learnt,
    learnt_and_held_out,
    payload_of,
    start_in_use,
)
from annotation.learning.engine.matchers import (
    TAKEN_IN,
    evaluate_matchers,
    matcher_config,
    take_in_matcher,
    train_matcher,
)
from annotation.learning.engine.runs import (
    MIN_LEARNT,
    ModelFileError,
    anchors_needed,
    check_model_file,
    config_of,
    load_region_model,
    run_folder,
    tiles_needed,
    train_run,
    work_folder,
)
from mlcore.errors import ConfigError
from mlcore.progress import Progress, SilentProgress

__all__ = [
    "MIN_LEARNT",
    "TAKEN_IN",
    "ConfigError",
    "Frozen",
    "ModelFileError",
    "Payload",
    "Progress",
    "SilentProgress",
    "about",
    "anchors_needed",
    "check_model_file",
    "checked_by",
    "checked_locator",
    "checked_matcher",
    "checked_region",
    "config_of",
    "core_decisions",
    "data_digest",
    "digest_of",
    "evaluate",
    "evaluate_locators",
    "evaluate_matchers",
    "frozen_set",
    "general_there",
    "held_blocks_on",
    "held_out",
    "imagery_payload",
    "is_learnt",
    "learnt_and_held_out",
    "load_region_model",
    "locator_config",
    "locator_weights",
    "matcher_config",
    "payload_of",
    "run_folder",
    "start_in_use",
    "take_general",
    "take_in_matcher",
    "tiles_needed",
    "train_locator",
    "train_matcher",
    "train_run",
    "work_folder",
]
