"""Why reference imagery can't be registered, or an image not be looked for."""

from annotation.common.errors import ConflictError, InvalidError, NotAllowedError, UnavailableError


class TileAddressError(InvalidError):
    """The address of a tile server can't be used."""

    code = "tile_address"


class TileServerError(UnavailableError):
    """A tile server doesn't give its tiles."""

    code = "tile_server"


class ServerFileError(InvalidError):
    """A file on the server lies outside the folder for reference imagery, or isn't there."""

    code = "server_file"


class NoFolderError(NotAllowedError):
    """This installation has no folder for reference imagery."""

    code = "no_reference_folder"


class TooManyTilesError(InvalidError):
    """The area at this zoom is more tiles than may be fetched."""

    code = "too_many_tiles"


class OfRegionError(ConflictError):
    """The set of a region follows the region's imagery: it is neither edited nor removed by itself."""

    code = "set_of_region"


class NothingToPrepareError(ConflictError):
    """All of the set is prepared, or a job prepares it now."""

    code = "nothing_to_prepare"


class NoLocatorError(ConflictError):
    """There are no weights of a locator here."""

    code = "no_locator"
