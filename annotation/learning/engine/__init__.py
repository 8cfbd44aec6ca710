"""Between rows of training and the library; the only importer of mlcore here.

Whatever imports torch is imported where it is used: the web server starts and lives without it.
"""

from annotation.learning.engine.data import about, core_decisions, data_digest
from annotation.learning.engine.evaluations import Frozen, evaluate, frozen_set
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
    "ConfigError",
    "Frozen",
    "ModelFileError",
    "Progress",
    "SilentProgress",
    "about",
    "anchors_needed",
    "check_model_file",
    "config_of",
    "core_decisions",
    "data_digest",
    "evaluate",
    "frozen_set",
    "load_region_model",
    "run_folder",
    "tiles_needed",
    "train_run",
    "work_folder",
]
