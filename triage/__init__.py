"""What Vouch knows about incidents and how it decides. Pure: no I/O, no clock, nothing of ours."""
