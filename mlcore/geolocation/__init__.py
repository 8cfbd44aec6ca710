"""Geolocation: on which of many base images, and where on it, a picture without a place lies (TopicGeo)."""

from mlcore.exports import exports

__getattr__, __dir__ = exports(
    __name__,
    {
        "CoarseMatches": "coarse",
        "Fit": "placing",
        "GeolocationConfig": "config",
        "LocatorModel": "model",
        "PictureFeatures": "features",
        "place": "placing",
        "train_locator": "training",
    },
)
