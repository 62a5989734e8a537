"""Conversations: one file asks and reads the reply."""
