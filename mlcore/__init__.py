"""Image-map matching and building-change detection in PyTorch; usable without the web application."""
