"""The published design as a preset: keypoints of both pictures, tied by a local and a global graph, and assigned."""

from mlcore.exports import exports

__getattr__, __dir__ = exports(
    __name__,
    {
        "GraphConfig": "config",
        "GraphMatcher": "matcher",
        "GraphModel": "model",
        "train_graph": "training",
    },
)
