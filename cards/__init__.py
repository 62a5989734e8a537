"""Data → Adaptive Card, submitted fields → data, in one file per card."""
