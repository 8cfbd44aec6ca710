"""What jobs need of the library: its errors, its protocol of progress, and where it computes."""

from django.conf import settings

from mlcore.errors import MlcoreError, StoppedError
from mlcore.progress import Progress, SpanProgress, stop_if_asked

__all__ = ["MlcoreError", "Progress", "SpanProgress", "StoppedError", "compute_device", "stop_if_asked"]


def compute_device() -> str:
    """Where jobs compute: what the setting says, or the first GPU where there is one."""
    import torch

    return settings.COMPUTE_DEVICE or ("cuda" if torch.cuda.is_available() else "cpu")
