"""An evaluation as a page, as files and in words, from its results.json."""
