"""A Teams, an Entra and a Bot Connector on this machine; see README.md beside this file."""
