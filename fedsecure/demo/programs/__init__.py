"""The processes of a demo run: started, waited for, measured and ended."""
