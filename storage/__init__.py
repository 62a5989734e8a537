"""Rows: what was accepted, decided, ordered and shown. Every one belongs to a customer."""
