"""Image-map matching and building-change detection in PyTorch; usable without the web application."""

from mlcore.exports import exports

__getattr__, __dir__ = exports(
    __name__,
    {
        "MapIndex": "maps.index",
        "MapRenderer": "maps.render",
        "PairSource": "pairs.source",
        "RegionConfig": "region.config",
        "RegionModel": "region.model",
        "TileAddress": "geometry.webmercator",
        "describe_tile": "anchors.geometric",
        "geographic_folds": "pairs.splits",
        "open_image": "imagery.raster",
        "read_area": "maps.coverage",
        "read_map": "maps.osm_files",
        "shipped_model": "region.shipped",
        "simulate_edits": "synthetic.edits",
        "train_region": "region.training",
    },
)
