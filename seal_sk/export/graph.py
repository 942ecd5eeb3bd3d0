"""The graph of superpixels for networkx."""

from __future__ import annotations

from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from .._extras import import_extra
from .._validation import check_superpixels
from ..labels.graph import borders
from .tables import check_table, plain_columns

if TYPE_CHECKING:
    from networkx import Graph
    from pandas import DataFrame

__all__ = ["to_networkx"]


def to_networkx(labels: ArrayLike, table: DataFrame | None = None) -> Graph:
    """Convert superpixels to the nodes of a graph, and their borders to its edges.

    Parameters
    ----------
    labels : array-like of shape (H, W)
        Superpixels 0..n-1, all of them present, of any integer dtype. Negative labels
        are masked pixels, which have no neighbours.
    table : DataFrame of n rows, optional
        Attributes of the nodes, row i for superpixel i.

    Returns
    -------
    networkx.Graph
        Nodes 0..n-1. Edges between superpixels that share sides of pixels; ``weight``
        is the number of these sides. Attributes are plain Python values, None where the
        table has no value.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described.
    ImportError
        If networkx is not installed; it comes with scikit-image.

    See Also
    --------
    seal_sk.adjacency : The same as a sparse matrix, with 4 or 8 neighbours.

    Examples
    --------
    >>> from seal_sk.export import to_networkx
    >>> graph = to_networkx([[0, 0, 1], [0, 2, 2]])
    >>> list(graph.edges(data="weight"))
    [(0, 1, 1), (0, 2, 2), (1, 2, 1)]
    """
    labels, n = check_superpixels(labels)
    if table is not None:
        check_table(table, n)
    networkx = import_extra("networkx", None, "A graph of networkx")
    edges = borders(labels, n).tocoo()
    graph = networkx.Graph()
    graph.add_nodes_from(range(n))
    graph.add_weighted_edges_from(
        (first, second, weight)
        for first, second, weight in zip(
            edges.row.tolist(), edges.col.tolist(), edges.data.tolist(), strict=True
        )
        if first < second
    )
    for name, values in plain_columns(table).items():
        networkx.set_node_attributes(graph, dict(enumerate(values)), name)
    return graph
