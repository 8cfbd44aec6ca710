"""Hybrid ground truth: pairs of windows out of a large image and a large map, coarse as a whole, refined one by one."""

from mlcore.exports import exports

__getattr__, __dir__ = exports(
    __name__,
    {
        "Coarse": "coarse",
        "DrawnPicture": "pictures",
        "HybridConfig": "config",
        "LargePicture": "pictures",
        "Matchers": "views",
        "RasterPicture": "pictures",
        "Sources": "builder",
        "build_pairs": "builder",
        "find_coarse": "coarse",
        "prepared": "pictures",
        "seen_through": "pictures",
    },
)
