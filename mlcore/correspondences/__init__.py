"""Correspondences: where the points of a map, or of any picture of the ground, lie in an image."""

from mlcore.exports import exports

__getattr__, __dir__ = exports(
    __name__,
    {
        "ClassicalMatcher": "classical",
        "GraphConfig": "graph.config",
        "GraphMatcher": "graph.matcher",
        "Matches": "matches",
        "Registration": "robust",
        "SearchRange": "search",
        "StructureConfig": "config",
        "StructureMatcher": "matcher",
        "StructureModel": "structure",
        "TuningConfig": "tuning",
        "VerifiedGround": "verified",
        "chance_inliers": "robust",
        "random_style": "styles",
        "register": "robust",
        "register_tile": "surroundings",
        "train_graph": "graph.training",
        "train_structure": "training",
        "unseen_styles": "styles",
    },
)
