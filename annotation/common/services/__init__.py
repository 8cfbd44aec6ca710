"""Services every stage uses: jobs."""
