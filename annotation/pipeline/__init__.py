"""On top of all stages: the main job, the demo, a region at a glance, and who did what."""
