"""Prompt templates, one file per version; a published version never changes."""
