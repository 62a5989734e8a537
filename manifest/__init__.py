"""Vouch as a Teams app: what Teams is told of it, in which languages, and the package to upload."""
