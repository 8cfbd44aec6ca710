"""How well images without a place are placed: seeded queries with their truth, metrics, baselines, one run for all."""
