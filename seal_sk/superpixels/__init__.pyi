from .graph import ERSSuperpixels as ERSSuperpixels
from .graph import GraphSuperpixels as GraphSuperpixels
from .image import FHSuperpixels as FHSuperpixels
from .image import SLICSuperpixels as SLICSuperpixels
from .image import SNICSuperpixels as SNICSuperpixels
from .opencv import LSCSuperpixels as LSCSuperpixels
from .opencv import SEEDSSuperpixels as SEEDSSuperpixels
from .seal import SEALSuperpixels as SEALSuperpixels
