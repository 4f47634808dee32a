"""Histograms to and from bytes and dictionaries: the functions behind the methods of `historian.Histogram`."""
