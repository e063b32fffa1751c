"""Why a device is flagged, in words for a nurse."""
