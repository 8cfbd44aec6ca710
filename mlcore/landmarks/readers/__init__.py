"""Readers of what landmarks are learnt from and measured on: the published set, photos, captions, a map."""
