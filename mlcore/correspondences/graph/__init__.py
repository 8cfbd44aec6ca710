"""The published design as a preset: keypoints of both pictures, tied by a local and a global graph, and assigned."""
