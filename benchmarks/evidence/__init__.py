"""Published results, reproduced: one file a study, each with ``rows(seeds) -> list of Row``."""
