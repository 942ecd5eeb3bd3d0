"""Learned superpixels with a scikit-learn interface.

Image -> affinity map -> graph segmentation -> label map -> scores, or features and
classes. Names are loaded when they are first used, so that importing the package costs
next to nothing.
"""

from importlib import import_module
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import TYPE_CHECKING

from ._version import __version__

# Only a checkout has the sources of the kernels; there they may not be compiled.
for _source in Path(__file__).parent.glob("*.pyx"):
    if not any(_source.with_suffix(end).exists() for end in EXTENSION_SUFFIXES):
        raise ImportError(
            f"The seal_sk in {str(_source.parents[1])!r} is not compiled for this "
            f"Python ({_source.stem} is missing): run `pip install -e .` in that "
            "folder, or start Python in another one to use a seal_sk that is installed."
        )

_HOME = {
    "ERSSuperpixels": "superpixels",
    "EdgeAffinity": "affinity",
    "FHSuperpixels": "superpixels",
    "FeatureAffinity": "affinity",
    "GraphSuperpixels": "superpixels",
    "LSCSuperpixels": "superpixels",
    "LearnedAffinity": "affinity",
    "OracleAffinity": "affinity",
    "RGBAffinity": "affinity",
    "SEALSuperpixels": "superpixels",
    "SEEDSSuperpixels": "superpixels",
    "SLICSuperpixels": "superpixels",
    "SNICSuperpixels": "superpixels",
    "SuperpixelClassifier": "classifier",
    "SuperpixelFeatures": "features",
    "adjacency": "features",
    "binary_affinity": "affinity",
    "edge_affinity": "affinity",
    "ers": "segmentation",
    "feature_affinity": "affinity",
    "fh": "segmentation",
    "fh_image": "segmentation",
    "lsc": "segmentation",
    "merge_regions": "segmentation",
    "oracle_affinity": "affinity",
    "paint": "features",
    "rgb_affinity": "affinity",
    "seeds": "segmentation",
    "show_versions": "_environment",
    "slic": "segmentation",
    "snic": "segmentation",
    "superpixel_features": "features",
    "to_eight_connected": "affinity",
}
_MODULES = (
    "adapters",
    "affinity",
    "benchmark",
    "classifier",
    "datasets",
    "export",
    "features",
    "labels",
    "metrics",
    "pan",
    "plotting",
    "segmentation",
    "superpixels",
)

__all__ = ["__version__", *_HOME, *_MODULES]

if TYPE_CHECKING:
    # The same names once more, for type checkers and editors.
    from . import adapters as adapters
    from . import affinity as affinity
    from . import benchmark as benchmark
    from . import classifier as classifier
    from . import datasets as datasets
    from . import export as export
    from . import features as features
    from . import labels as labels
    from . import metrics as metrics
    from . import pan as pan
    from . import plotting as plotting
    from . import segmentation as segmentation
    from . import superpixels as superpixels
    from ._environment import show_versions as show_versions
    from .affinity import EdgeAffinity as EdgeAffinity
    from .affinity import FeatureAffinity as FeatureAffinity
    from .affinity import LearnedAffinity as LearnedAffinity
    from .affinity import OracleAffinity as OracleAffinity
    from .affinity import RGBAffinity as RGBAffinity
    from .affinity import binary_affinity as binary_affinity
    from .affinity import edge_affinity as edge_affinity
    from .affinity import feature_affinity as feature_affinity
    from .affinity import oracle_affinity as oracle_affinity
    from .affinity import rgb_affinity as rgb_affinity
    from .affinity import to_eight_connected as to_eight_connected
    from .classifier import SuperpixelClassifier as SuperpixelClassifier
    from .features import SuperpixelFeatures as SuperpixelFeatures
    from .features import adjacency as adjacency
    from .features import paint as paint
    from .features import superpixel_features as superpixel_features
    from .segmentation import ers as ers
    from .segmentation import fh as fh
    from .segmentation import fh_image as fh_image
    from .segmentation import lsc as lsc
    from .segmentation import merge_regions as merge_regions
    from .segmentation import seeds as seeds
    from .segmentation import slic as slic
    from .segmentation import snic as snic
    from .superpixels import ERSSuperpixels as ERSSuperpixels
    from .superpixels import FHSuperpixels as FHSuperpixels
    from .superpixels import GraphSuperpixels as GraphSuperpixels
    from .superpixels import LSCSuperpixels as LSCSuperpixels
    from .superpixels import SEALSuperpixels as SEALSuperpixels
    from .superpixels import SEEDSSuperpixels as SEEDSSuperpixels
    from .superpixels import SLICSuperpixels as SLICSuperpixels
    from .superpixels import SNICSuperpixels as SNICSuperpixels
else:

    def __getattr__(name):
        if name in _HOME:
            return getattr(import_module(f".{_HOME[name]}", __name__), name)
        if name in _MODULES:
            return import_module(f".{name}", __name__)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
