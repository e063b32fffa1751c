"""How tables are read: header, cells and times the same way in every format."""
