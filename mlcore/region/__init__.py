"""The cross-fitted model of one region, and the general model it starts from: training, scan and candidates."""

from mlcore.exports import exports

__getattr__, __dir__ = exports(
    __name__,
    {
        "Assessment": "assess",
        "RegionConfig": "config",
        "RegionModel": "model",
        "TileResult": "parts",
        "read_candidates": "candidate_files",
        "shipped_model": "shipped",
        "train_general": "general",
        "train_region": "training",
        "with_counterfactuals": "scan",
        "write_candidates": "candidate_files",
    },
)
