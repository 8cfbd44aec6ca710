"""Building evidence: how much each pixel of an image looks like a building."""

from mlcore.exports import exports

__getattr__, __dir__ = exports(
    __name__,
    {
        "EvidenceConfig": "config",
        "EvidenceEnsemble": "ensemble",
        "EvidenceModel": "model",
        "EvidenceReader": "picture",
        "evidence_samples": "samples",
        "fitted_place": "place",
        "predict": "writing",
        "prior_shift": "prior",
        "train_evidence": "training",
        "write_evidence": "writing",
    },
)
