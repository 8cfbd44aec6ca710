"""Stage 5: data sets, training runs and the model registry."""
