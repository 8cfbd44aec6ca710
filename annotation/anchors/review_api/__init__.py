"""HTTP door of the review of anchors: batches, their reports, files out and annotations in."""
