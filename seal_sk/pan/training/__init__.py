"""The training of a network: settings, samples, state, steps."""
