"""The network that predicts affinities, its losses, files and prediction.

Importing this package does not import torch; what it lists does, except the settings.
"""

import lazy_loader

# __init__.pyi lists the names.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
