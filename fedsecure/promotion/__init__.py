"""From a global model to a whole new bundle, through a canary, to the workers."""
