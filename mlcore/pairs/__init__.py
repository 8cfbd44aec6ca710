"""Pairs image with map on the XYZ grid: the only place where the two meet; reads ahead, and splits tiles by place."""
