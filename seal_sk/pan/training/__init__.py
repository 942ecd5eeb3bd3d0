"""The training of networks: settings, samples, state and steps."""
