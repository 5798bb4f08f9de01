"""Devices that hold the same weights each update a share of them, whose moments they alone keep (ZeRO stage 1, 1910.02054 section 5.1).

A gradient is summed to the device whose share it is, and updated values go back to all: together as many bytes as a whole sum. The numbers are the same.
"""

import math

from jax import Array, lax
from jax.sharding import PartitionSpec

from ..mesh.axes import ROWS, MeshShape
from ..model.parameters import Leaf


class Sharing:
    """Who updates what, inside shard_map. Shares are cut along one dimension of a leaf: the first that no axis cuts and that divides evenly; a leaf without one is
    updated by all."""

    def __init__(self, leaves: list[Leaf], mesh: MeshShape, shared: bool) -> None:
        self._axes: dict[str, tuple[str, ...]] = {leaf.key: ("data",) if leaf.parameters[0].expert is not None else ROWS for leaf in leaves}
        self._dimensions: dict[str, int] = {}
        self._replicas: dict[str, int] = {}
        for leaf in leaves:
            replicas = math.prod(getattr(mesh, axis) for axis in self._axes[leaf.key])
            fitting = [i for i, size in enumerate(leaf.shape) if leaf.partition[i] is None and size % replicas == 0]
            if shared and replicas > 1 and fitting:
                self._dimensions[leaf.key], self._replicas[leaf.key] = fitting[0], replicas

    def devices(self, key: str) -> int:
        """Among how many devices the updates of a leaf are shared."""
        return self._replicas.get(key, 1)

    def partition(self, leaf: Leaf) -> PartitionSpec:
        """How moments of the leaf's shape are cut."""
        axes = list(leaf.partition)
        if leaf.key in self._dimensions:
            axes[self._dimensions[leaf.key]] = self._axes[leaf.key]
        return PartitionSpec(*axes)

    def sum(self, key: str, gradient: Array) -> Array:
        """The sum over the devices that hold the same weights, of this device's share."""
        if key not in self._dimensions:
            return lax.psum(gradient, self._axes[key])
        return lax.psum_scatter(gradient, self._axes[key], scatter_dimension=self._dimensions[key], tiled=True)

    def own(self, key: str, x: Array) -> Array:
        """This device's share."""
        if key not in self._dimensions:
            return x
        dimension = self._dimensions[key]
        count = x.shape[dimension] // self._replicas[key]
        return lax.dynamic_slice_in_dim(x, lax.axis_index(self._axes[key]) * count, count, dimension)

    def whole(self, key: str, share: Array) -> Array:
        """What the shares of all devices make."""
        return lax.all_gather(share, self._axes[key], axis=self._dimensions[key], tiled=True) if key in self._dimensions else share
