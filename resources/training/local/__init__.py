"""Settings of Training on this machine."""
