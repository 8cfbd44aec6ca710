"""What can go wrong between a matcher, its proposals and their corrections; each says what to do."""

from annotation.common.errors import ConflictError, InvalidError


class UnknownMatcherError(InvalidError):
    """No matcher of that name is offered here."""

    code = "unknown_matcher"


class NoWeightsError(ConflictError):
    """The structure matcher has no weights here."""

    code = "no_matcher_weights"


class NoPairsError(InvalidError):
    """The region has no image-map pairs to match."""

    code = "no_pairs"


class NoTransformError(InvalidError):
    """A proposal without a match can't be accepted as it is."""

    code = "no_transform"


class BadPointsError(InvalidError):
    """Control points of a correction that can't be used; `data` names the one at fault where it is one."""

    code = "bad_points"


class NothingToWriteError(ConflictError):
    """A proposal without a transform that may be used has no points for other tools."""

    code = "nothing_to_write"


class NotWritableError(InvalidError):
    """A format can't say what this transform is, or needs something that was not given."""

    code = "not_writable"


class BadPointsFileError(InvalidError):
    """A file of control points that can't be read, or whose points lie nowhere."""

    code = "bad_points_file"


class NothingVerifiedError(ConflictError):
    """A region without a verified transform has no pairs to export."""

    code = "nothing_verified"


class NoScanPairsError(ConflictError):
    """A map scan whose job has made nothing yet has no pairs to hand out."""

    code = "no_scan_pairs"


class NothingToResumeError(ConflictError):
    """The job of a map scan is at work, or did what it was to do."""

    code = "nothing_to_resume"


class ScanAnsweredError(ConflictError):
    """What people said of a map scan's pairs goes with nobody's click."""

    code = "scan_answered"
