"""How decisions become tables, and tables the standardisation, the DNNs and the common scale."""
