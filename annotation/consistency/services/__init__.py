"""What changes scans: starting and running them."""
