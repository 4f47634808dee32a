"""The live page of a directory: its table, the past of the chosen recorder, and its files."""
