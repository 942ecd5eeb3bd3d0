"""Edge maps of learned detectors, PiDiNet, XYW-Net and HED, as sources of affinities.

The networks are built here, with the weights that the authors published in their
repositories, https://github.com/hellozhuo/pidinet (trained_models; the repository says
"just for research purpose") and https://github.com/PXinTao/XYW-Net (no licence is
stated). So they are for research, and not part of this project. One folder holds the
files, under the names that are in brackets:

- "pidinet" and "pidinet-tiny" (table5_pidinet.pth, table5_pidinet-tiny.pth): networks
  of pixel differences with 60 and 20 channels;
- "xyw" (xyw_bsds.pth): a network after the X, Y and W cells of the retina;
- "hed": see hed_edges.py, also for its weights.

All were trained on all 300 images of BSDS500's training and validation sets, all but
HED on 10,103 images of PASCAL-Context, too. Scores of anything made from their edges
are honest on the 200 test images, and not on those 300.

References
----------
Z. Su et al., "Pixel Difference Networks for Efficient Edge Detection", ICCV 2021.

"Bio-inspired XYW parallel pathway edge detection network", as the repository calls it.
"""

import os
from pathlib import Path
from textwrap import shorten

import torch
import torch.nn.functional as F
from hed_edges import EdgeDetector, hed_edges
from torch import nn

from seal_sk import EdgeAffinity, SEALSuperpixels
from seal_sk.pan.tensors import as_float32, load_torch

__all__ = ["NAMES", "PiDiNet", "XYWNet", "edge_network", "edge_superpixels"]

#: Names of the networks.
NAMES = ("pidinet", "pidinet-tiny", "xyw", "hed")

_FOLDER = "SEAL_SK_EDGES"

# Smaller images are repeated at their borders: the coarsest of four scales then has two
# pixels in each direction, and so a variance.
_LEAST = 16

# Places of a 3 x 3 kernel around its centre, clockwise.
_RING = [0, 1, 2, 5, 8, 7, 6, 3]


def edge_network(name, folder=None):
    """Read a network.

    Parameters
    ----------
    name : {"pidinet", "pidinet-tiny", "xyw", "hed"}
        Which network.
    folder : path-like, optional
        Where the files of weights are; by default, where the environment variable
        SEAL_SK_EDGES says. "hed" does not need it.

    Returns
    -------
    EdgeDetector
        A function from an image to its edge map, which can be pickled.

    Raises
    ------
    ImportError
        If the package that carries HED's weights is not installed.
    FileNotFoundError
        If there is no such file.
    ValueError
        If the name is unknown, or the file does not hold the network's weights.

    Examples
    --------
    >>> from edge_networks import edge_network  # doctest: +SKIP
    >>> from seal_sk import edge_affinity  # doctest: +SKIP
    >>> edges = edge_network("pidinet", "weights")  # doctest: +SKIP
    >>> edge_affinity(edges(image)).shape  # doctest: +SKIP
    (321, 481, 4)
    """
    if name == "hed":
        return hed_edges()
    files = {
        "pidinet": ("table5_pidinet.pth", lambda: PiDiNet(60, 24)),
        "pidinet-tiny": ("table5_pidinet-tiny.pth", lambda: PiDiNet(20, 8)),
        "xyw": ("xyw_bsds.pth", XYWNet),
    }
    if name not in files:
        raise ValueError(f"name={name!r} is unknown; give one of {', '.join(NAMES)}.")
    file, build = files[name]
    folder = os.environ.get(_FOLDER) if folder is None else folder
    if folder is None or not (path := Path(folder, file)).is_file():
        where = "no folder was given" if folder is None else f"none in {str(folder)!r}"
        raise FileNotFoundError(
            f"{name!r} needs the file {file}, but there is {where}; give its folder, "
            f"or set {_FOLDER} to it."
        )
    return EdgeDetector(read(path, build()))


def edge_superpixels(detector, **params):
    """Superpixels as `SEALSuperpixels` makes them, along the edges of a detector.

    Parameters
    ----------
    detector : callable
        Turns an image (H, W, C) into its edge map (H, W).
    **params
        Parameters of `SEALSuperpixels`; those of its network have no effect.

    Returns
    -------
    SEALSuperpixels
        Its affinities are those of `EdgeAffinity`.
    """
    superpixels = _EdgeSuperpixels(**params)
    superpixels.detector = detector
    return superpixels


class _EdgeSuperpixels(SEALSuperpixels):
    detector = None

    def _ready_source(self):
        return EdgeAffinity(self.detector, connectivity=self.connectivity)


def read(path, net):
    """Read the weights of a network.

    Parameters
    ----------
    path : path-like
        A state dict of the authors: its kernels are those that the pixel differences
        are multiplied by. It may be wrapped, as their checkpoints are.
    net : PiDiNet or XYWNet
        The network, which is changed.

    Returns
    -------
    PiDiNet or XYWNet
        `net`.

    Raises
    ------
    ValueError
        If the file is not a state dict, or one of another network.
    """
    path, kind = Path(path), type(net).__name__
    weights = load_torch(path, f"a state dict of {kind}", "copy it again.")
    if isinstance(weights, dict) and isinstance(weights.get("state_dict"), dict):
        weights = weights["state_dict"]
    if not isinstance(weights, dict) or not all(map(torch.is_tensor, weights.values())):
        raise ValueError(f"{str(path)!r} is not a state dict of {kind}.")
    weights = as_float32(weights, repr(str(path)))
    weights = {str(k).removeprefix("module."): v for k, v in weights.items()}
    try:
        for name, layer in net.named_modules():
            key = f"{name}.weight"
            if isinstance(layer, _Differences) and key in weights:
                weights[key] = layer.fold(weights[key])
        net.load_state_dict(weights, strict=True)
    except (IndexError, RuntimeError) as error:
        reason = shorten(str(error), 300)
        raise ValueError(
            f"{str(path)!r} does not hold the weights of {kind}: {reason}"
        ) from error
    return net


def central(kernel):
    """Fold differences from the centre: each weight times (pixel - centre)."""
    folded = kernel.clone()
    folded[..., 1, 1] -= kernel.sum(dim=(2, 3))
    return folded


def angular(kernel):
    """Fold differences around the centre: times (pixel - the next one, clockwise)."""
    flat = _flat(kernel)
    folded = torch.zeros_like(flat)
    ring = flat[..., _RING]
    folded[..., _RING] = ring - ring.roll(1, dims=-1)
    return folded.reshape(kernel.shape)


def radial(kernel):
    """Fold differences along rays: times (pixel two steps away - one step away).

    The eight rays take the last eight weights in the order of their places; the first
    weight has no effect.
    """
    rays = _flat(kernel)[..., 1:]
    folded = kernel.new_zeros(*kernel.shape[:2], 5, 5)
    around = [i for i in range(9) if i != 4]
    for step, sign in ((2, 1), (1, -1)):
        for ray, place in enumerate(around):
            y, x = place // 3 - 1, place % 3 - 1
            folded[..., 2 + step * y, 2 + step * x] = sign * rays[..., ray]
    return folded


def second(kernel):
    """Fold second differences of the kernel itself.

    A weight gets itself, plus that of a partner, minus twice the one halfway between:
    the partner is the next corner clockwise, or the middle of the opposite side. The
    centre gets 0.
    """
    flat = _flat(kernel)
    ring, centre = flat[..., _RING], flat[..., 4:5]
    corners, sides = ring[..., ::2], ring[..., 1::2]
    folded = torch.zeros_like(flat)
    folded[..., _RING[::2]] = corners + corners.roll(-1, dims=-1) - 2 * sides
    folded[..., _RING[1::2]] = sides + sides.roll(2, dims=-1) - 2 * centre
    return folded.reshape(kernel.shape)


def _same(kernel):
    return kernel


def _flat(kernel):
    return kernel.reshape(*kernel.shape[:2], 9)


class _Differences(nn.Conv2d):
    """A convolution, whose kernel is folded from that of pixel differences."""

    def __init__(self, fold, n_in, n_out, groups=1):
        size = 5 if fold is radial else 3
        super().__init__(
            n_in, n_out, size, padding=size // 2, groups=groups, bias=False
        )
        self.fold = fold


class _DetectorNet(nn.Module):
    """Normalises images as ImageNet's are, and enlarges tiny ones."""

    def __init__(self):
        super().__init__()
        for name, values in (
            ("mean", (0.485, 0.456, 0.406)),
            ("deviation", (0.229, 0.224, 0.225)),
        ):
            values = torch.tensor(values).reshape(3, 1, 1)
            self.register_buffer(name, values, persistent=False)

    def forward(self, images):
        """Logits (N, H, W) of RGB images (N, 3, H, W) in 0..1."""
        height, width = images.shape[2:]
        missing = 0, max(0, _LEAST - width), 0, max(0, _LEAST - height)
        images = F.pad((images - self.mean) / self.deviation, missing, "replicate")
        return self.logits(images)[:, 0, :height, :width]


class PiDiNet(_DetectorNet):
    """Pixel difference network, with its dilated and attentive side outputs.

    Parameters
    ----------
    width : int
        Channels of the first of four stages.
    dilated : int
        Channels of the side outputs.
    """

    def __init__(self, width, dilated):
        super().__init__()
        # The four kinds in turn; the first layer has no block around it.
        folds = 4 * [central, angular, radial, _same]
        self.init_block = _Differences(folds.pop(0), 3, width)
        widths = [width, 2 * width, 4 * width, 4 * width]
        self.stages, n_in = [], width
        for i, n_out in enumerate(widths, 1):
            names = [f"block{i}_{j}" for j in range(1, 4 if i == 1 else 5)]
            for name in names:
                halved = i > 1 and name == names[0]
                self.add_module(name, _Block(folds.pop(0), n_in, n_out, halved))
                n_in = n_out
            self.stages.append(names)
        self.dilations = nn.ModuleList(_Dilation(n, dilated) for n in widths)
        self.attentions = nn.ModuleList(_Attention(dilated) for _ in widths)
        self.conv_reduces = nn.ModuleList(
            nn.ModuleDict({"conv": nn.Conv2d(dilated, 1, 1)}) for _ in widths
        )
        self.classifier = nn.Conv2d(4, 1, 1)

    def logits(self, images):
        """Logits (N, 1, H, W) of normalised images."""
        features, sides = self.init_block(images), []
        for i, names in enumerate(self.stages):
            for name in names:
                features = self.get_submodule(name)(features)
            side = self.attentions[i](self.dilations[i](features))
            side = self.conv_reduces[i]["conv"](side)
            sides.append(F.interpolate(side, images.shape[2:], mode="bilinear"))
        return self.classifier(torch.cat(sides, dim=1))


class _Block(nn.Module):
    def __init__(self, fold, n_in, n_out, halved):
        super().__init__()
        if halved:
            self.shortcut = nn.Conv2d(n_in, n_out, 1)
        self.halved = halved
        self.conv1 = _Differences(fold, n_in, n_in, groups=n_in)
        self.conv2 = nn.Conv2d(n_in, n_out, 1, bias=False)

    def forward(self, x):
        if self.halved:
            x = F.max_pool2d(x, 2)
        y = self.conv2(F.relu_(self.conv1(x)))
        return y + (self.shortcut(x) if self.halved else x)


class _Dilation(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, 1)
        for i, step in enumerate((5, 7, 9, 11), 1):
            layer = nn.Conv2d(n_out, n_out, 3, padding=step, dilation=step, bias=False)
            self.add_module(f"conv2_{i}", layer)

    def forward(self, x):
        x = self.conv1(F.relu(x))
        return self.conv2_1(x) + self.conv2_2(x) + self.conv2_3(x) + self.conv2_4(x)


class _Attention(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.conv1 = nn.Conv2d(n, 4, 1)
        self.conv2 = nn.Conv2d(4, 1, 3, padding=1, bias=False)

    def forward(self, x):
        return x * torch.sigmoid(self.conv2(self.conv1(F.relu(x))))


class XYWNet(_DetectorNet):
    """Network after the X, Y and W cells of the retina.

    Parameters
    ----------
    widths : sequence of four int, default=(30, 60, 120, 120)
        Channels of the stages.
    fused : sequence of three int, default=(60, 30, 24)
        Channels of the steps from the coarsest stage back to the first.
    """

    def __init__(self, widths=(30, 60, 120, 120), fused=(60, 30, 24)):
        super().__init__()
        self.encode = nn.ModuleDict()
        for i, n_out in enumerate(widths, 1):
            n_in = widths[max(i - 2, 0)]
            self.encode[f"s{i}"] = _Stage(i, n_in, n_out)
        first, second_, third, last = widths
        self.decode = nn.ModuleDict(
            {
                "f43": _Fusion(third, last, fused[0]),
                "f32": _Fusion(second_, fused[0], fused[1]),
                "f21": _Fusion(first, fused[1], fused[2]),
                "f": nn.Conv2d(fused[2], 1, 1),
            }
        )

    def logits(self, images):
        """Logits (N, 1, H, W) of normalised images."""
        features = [images]
        for stage in self.encode.values():
            features.append(stage(features[-1]))
        _, first, second_, third, last = features
        fused = self.decode["f43"](third, last)
        fused = self.decode["f32"](second_, fused)
        return self.decode["f"](self.decode["f21"](first, fused))


class _Stage(nn.Module):
    def __init__(self, number, n_in, n_out):
        super().__init__()
        self.first = number == 1
        if self.first:
            self.conv1 = nn.Conv2d(3, n_out, 7, padding=6, dilation=2)
        else:
            self.shortcut = nn.Conv2d(n_in, n_out, 1)
        self.names = [f"xyw{number}_{j}" for j in (1, 2, 3)]
        for name in self.names:
            cells = {
                "y_c": _Cells("Y", n_in, n_out, 5, 2),
                "x_c": _Cells("X", n_in, n_out, 3, 1),
                "w": _Lines(n_in, n_out),
            }
            self.add_module(name, nn.ModuleDict(cells))
            n_in = n_out

    def forward(self, x):
        x = F.relu_(self.conv1(x)) if self.first else F.max_pool2d(x, 2)
        out = x if self.first else self.shortcut(x)
        for kind in ("x_c", "y_c", "w"):
            cells = x
            for name in self.names:
                cells = self.get_submodule(name)[kind](cells)
            out = out + cells
        return out


class _Cells(nn.Module):
    """The surround's answer minus the centre's."""

    def __init__(self, kind, n_in, n_out, size, step):
        super().__init__()
        surround = nn.Conv2d(
            n_in,
            n_out,
            size,
            padding=step * (size // 2),
            dilation=step,
            groups=n_in,
        )
        self.kind = kind
        self.add_module(f"{kind}center", nn.Conv2d(n_in, n_out, 1))
        self.add_module(f"{kind}surround", surround)
        self.conv1_1 = nn.Conv2d(n_out, n_out, 1)

    def forward(self, x):
        center = self.get_submodule(f"{self.kind}center")(x)
        surround = self.get_submodule(f"{self.kind}surround")(x)
        return self.conv1_1(F.relu_(surround)) - F.relu_(center)


class _Lines(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.h = nn.Conv2d(n_in, n_in, (1, 3), padding=(0, 1), groups=n_in)
        self.v = nn.Conv2d(n_in, n_in, (3, 1), padding=(1, 0), groups=n_in)
        self.convh_1 = nn.Conv2d(n_in, n_in, 1, bias=False)
        self.convv_1 = nn.Conv2d(n_in, n_out, 1, bias=False)

    def forward(self, x):
        x = self.convh_1(F.relu_(self.h(x)))
        return self.convv_1(F.relu_(self.v(x)))


class _Fusion(nn.Module):
    """The sum of a fine map and a coarse one of half its size."""

    def __init__(self, n_fine, n_coarse, n_out):
        super().__init__()
        self.pre_conv1 = _Normalised(n_fine, n_out)
        self.pre_conv2 = _Normalised(n_coarse, n_out)
        self.deconv_weight = nn.Parameter(torch.zeros(n_out, n_out, 4, 4))

    def forward(self, fine, coarse):
        fine, coarse = self.pre_conv1(fine), self.pre_conv2(coarse)
        # The pooling left out an odd row or column at the end.
        odd = [n % 2 for n in fine.shape[2:]]
        enlarged = F.conv_transpose2d(
            coarse, self.deconv_weight, stride=2, padding=1, output_padding=odd
        )
        return fine + enlarged


class _Normalised(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.conv = nn.Sequential(
            _Differences(second, n_in, n_out), nn.InstanceNorm2d(n_out), nn.ReLU()
        )
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return self.conv(x) * torch.sigmoid(self.weight)
