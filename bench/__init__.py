"""Measurements of Vouch against the raw limit and against its peers; `make bench`."""
