"""Networks that predict affinities, with their losses, files and prediction.

Importing this package does not import torch; using its names does, except for the
settings.
"""

import lazy_loader

# __init__.pyi lists the names.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
