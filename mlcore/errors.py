"""Errors of the library: each carries a stable code and says how to mend what went wrong."""


class MlcoreError(Exception):
    """Base of every error the library raises on purpose.

    Attributes:
        code: stable, machine-readable name of the error.
    """

    code = "mlcore_error"


class InvalidInputError(MlcoreError):
    """A file or value from outside that can't be used; the message names the remedy."""

    code = "invalid_input"


class ConfigError(MlcoreError):
    """An unknown key or a value out of range in a configuration."""

    code = "invalid_config"


class StoppedError(MlcoreError):
    """Long work was asked to stop; everything up to the last checkpoint is kept."""

    code = "stopped"


class NoSpaceError(MlcoreError):
    """The disk has no room for the result; nothing half-written is left."""

    code = "no_space"


class CheckpointError(MlcoreError):
    """A checkpoint or weights file that is damaged, of another kind, or not of the expected digest."""

    code = "invalid_checkpoint"


class FeatureDatabaseError(MlcoreError):
    """A feature database that is missing, damaged, in use by another writer, or was closed by a change."""

    code = "invalid_feature_database"


class OtherModelError(FeatureDatabaseError):
    """A feature database that another model built: its features mean nothing to this one."""

    code = "other_model"


class VectorStoreError(MlcoreError):
    """A store of vectors that is missing, damaged, of another model or size, or busy with another writer."""

    code = "invalid_vector_store"


class MissingPackageError(MlcoreError):
    """A Python package that this way of working needs is not installed or can't be imported."""

    code = "missing_package"


class WeightsUnavailableError(MlcoreError):
    """Pre-trained weights that were asked for can't be had: no such file, no network, or an unknown name."""

    code = "weights_unavailable"
