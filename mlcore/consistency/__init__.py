"""U-CSA: how consistent an image and a map tile are, learnt through semantic anchors."""
