"""What changes anchors: generating them."""
