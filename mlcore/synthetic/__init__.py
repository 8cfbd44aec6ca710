"""A seeded town generator and seeded edits of real maps, with exact ground truth."""
