"""The trained detector as one folder: arrays, model card and canary windows under a sha256 manifest."""
