"""The web application, one small Django app per stage of the pipeline."""
