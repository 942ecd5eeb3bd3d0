"""What the commands read and say in the same way."""

import argparse
import sys

__all__ = ["EXPECTED", "complain", "count", "one_line", "seconds"]

# Errors that are told in one sentence.
EXPECTED = (ValueError, TypeError, OSError, ImportError)


def count(text):
    """A whole number of 1 or more."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return int(text)


def seconds(text):
    """A number of seconds above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return value


def one_line(error):
    """What an error says, without line breaks."""
    return " ".join(str(error).split()) or type(error).__name__


def complain(text):
    """Say something on the standard error."""
    print(f"seal-sk: {text}", file=sys.stderr, flush=True)
