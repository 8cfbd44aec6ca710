"""Stage 4: correspondences of image and map on every pair, proposed by a matcher and verified by people."""
