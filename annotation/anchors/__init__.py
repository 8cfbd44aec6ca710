"""Stage 3: semantic anchors of every pair."""
