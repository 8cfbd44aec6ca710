"""Control points in the formats of other tools: QGIS, GDAL, world files, GeoJSON, IIIF, pairs of pictures."""

from mlcore.exports import exports

__getattr__, __dir__ = exports(
    __name__,
    {
        "ControlPoints": "control_points",
        "PlacedTransform": "control_points",
        "annotation_of": "annotation",
        "crs_of_text": "reference_system",
        "fitted": "fitting",
        "gcp_arguments": "gdal_points",
        "geojson_of": "geojson",
        "pair_files": "pairs",
        "png_of": "pairs",
        "points_of_registration": "fitting",
        "qgis_text": "qgis",
        "read_gcp_list": "gcp_list",
        "read_gcps": "gdal_points",
        "read_gcps_apart": "apart",
        "read_homography": "pairs",
        "read_qgis_points": "qgis",
        "tile_grid": "control_points",
        "world_file_text": "world_file",
        "write_annotation": "annotation",
        "write_gcp_tiff": "gdal_points",
        "write_gcp_vrt": "gdal_points",
        "write_geojson": "geojson",
        "write_pair": "pairs",
        "write_qgis_points": "qgis",
        "write_world_file": "world_file",
    },
)
