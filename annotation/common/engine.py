"""What jobs need of the library: its errors and its protocol of progress."""

from mlcore.errors import MlcoreError, StoppedError
from mlcore.progress import Progress, SpanProgress, stop_if_asked

__all__ = ["MlcoreError", "Progress", "SpanProgress", "StoppedError", "stop_if_asked"]
