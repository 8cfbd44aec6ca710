"""Why a training can't start, or a model can't be used."""

from annotation.common.errors import ConflictError, InvalidError


class NoPairsError(InvalidError):
    """There is nothing to learn from."""

    code = "no_pairs"


class NoAnchorsError(InvalidError):
    """Pairs lack the anchor that the consistency model learns through."""

    code = "no_anchors"


class TooFewTilesError(InvalidError):
    """Fewer mapped tiles than the cross-fitted models need."""

    code = "too_few_mapped_tiles"


class UnknownPresetError(InvalidError):
    """No such preset or setting."""

    code = "unknown_preset"


class InvalidSettingError(InvalidError):
    """A setting of a training is unknown, or can't have this value."""

    code = "invalid_setting"


class TrainingRunningError(ConflictError):
    """The region is being trained already."""

    code = "training_running"


class DataSetChangedError(ConflictError):
    """What the data set was frozen from is gone or was altered."""

    code = "data_set_changed"


class NothingToRollBackError(ConflictError):
    """No model was in use before this one."""

    code = "nothing_to_roll_back"


class UnknownKindError(InvalidError):
    """No stage of this installation has models of this kind."""

    code = "unknown_kind"


class WrongScopeError(InvalidError):
    """A model of a region was asked for without one, or one for all regions with one."""

    code = "wrong_scope"


class NotComparableError(ConflictError):
    """Models of this kind are not held side by side."""

    code = "not_comparable"


class TooFewVerifiedError(InvalidError):
    """People verified too little for a matcher to learn from."""

    code = "too_few_verified"


class NoGroundError(InvalidError):
    """There is nothing that models could be compared on."""

    code = "no_ground"


class NotTakenInError(InvalidError):
    """Models of this kind are not taken in from files, or not this file."""

    code = "not_taken_in"


class ModelThereError(ConflictError):
    """The registry holds this very file already."""

    code = "model_there"


class NoGeneralModelError(InvalidError):
    """The model that ships was left out of this installation."""

    code = "no_general_model"
