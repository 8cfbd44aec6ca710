"""U-CSA: how consistent an image and a map tile are, learnt through semantic anchors."""

from mlcore.exports import exports

__getattr__, __dir__ = exports(
    __name__,
    {
        "ConsistencyConfig": "config",
        "ConsistencyModel": "model",
        "score_held": "scan",
        "score_tiles": "scan",
        "train_consistency": "training",
    },
)
