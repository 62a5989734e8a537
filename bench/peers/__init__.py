"""Bots that answer one message with one reply, each on another SDK; they know nothing of Vouch."""
