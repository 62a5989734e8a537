"""The dangerous hands: response actions carried out on accounts, devices and files."""
