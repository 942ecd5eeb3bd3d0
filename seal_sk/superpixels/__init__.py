"""Estimators that segment images into superpixels; each is loaded when it is used."""

import lazy_loader

# __init__.pyi lists the names.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
