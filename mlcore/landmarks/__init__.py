"""Landmarks: one space for aerial image, ground photo, text and coordinates, each finding the others (MMLandmarks)."""

from mlcore.exports import exports

__getattr__, __dir__ = exports(
    __name__,
    {
        "Floors": "floors",
        "LandmarkConfig": "config",
        "LandmarkModel": "model",
        "Sample": "samples",
        "SampleSource": "samples",
        "train_landmarks": "training",
    },
)
