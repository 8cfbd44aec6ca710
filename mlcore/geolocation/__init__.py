"""Finds where an image without georeference lies, among large bases of reference imagery (TopicGeo)."""
