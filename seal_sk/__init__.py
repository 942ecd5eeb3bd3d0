"""Learned superpixels with a scikit-learn interface.

Image -> affinity map -> graph segmentation -> label map -> scores, or features and
classes. Names are loaded when they are first used, so that importing the package is
fast.
"""

from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import lazy_loader

from ._version import __version__ as __version__

# Only a checkout has the sources of the kernels; there, they may not be compiled yet.
for _source in Path(__file__).parent.glob("*.pyx"):
    if not any(_source.with_suffix(end).exists() for end in EXTENSION_SUFFIXES):
        raise ImportError(
            f"The seal_sk in {str(_source.parents[1])!r} is not compiled for this "
            f"Python ({_source.stem} is missing): run `pip install -e .` in that "
            "folder, or start Python in another one to use an installed seal_sk."
        )

# __init__.pyi lists the names.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
