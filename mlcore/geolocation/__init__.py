"""Geolocation: on which of many base images, and where on it, a picture without a place lies (TopicGeo)."""

from mlcore.exports import exports

__getattr__, __dir__ = exports(
    __name__,
    {
        "Base": "bases",
        "BaseGrid": "bases",
        "BaseSource": "bases",
        "Calibration": "calibration",
        "CatalogueBases": "catalogue",
        "CoarseMatches": "coarse",
        "DatabaseSettings": "database",
        "DescriptorIndex": "index",
        "FeatureDatabase": "database",
        "Fit": "placing",
        "Frame": "flight",
        "GeolocationConfig": "config",
        "Locator": "locator",
        "LocatorModel": "model",
        "LocatorSettings": "locator",
        "PictureBases": "bases",
        "PictureFeatures": "features",
        "Placement": "placement",
        "Prior": "placement",
        "RasterBases": "bases",
        "bases_of": "bases",
        "cut_raster": "bases",
        "place": "placing",
        "train_locator": "training",
    },
)
