"""Pictures that are decoded once, for every process that reads them again."""
