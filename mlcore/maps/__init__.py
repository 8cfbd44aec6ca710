"""Reads maps of OpenStreetMap and GeoJSON, finds their features by place, and draws them."""
