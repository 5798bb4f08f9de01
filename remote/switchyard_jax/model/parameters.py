"""The parameters of a model by the native engine's names: shapes, first values, how a mesh cuts them, and where they stand in the tree that JAX trains.

First values are a function of the seed, the order of creation and the whole shape, drawn as libtorch draws them: a run begins with the same weights here and
there. Layers that repeat are stacked in the tree, (repeats, ...), and apart in a checkpoint.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from jax.sharding import PartitionSpec
from scipy.special import erfinv

from .sizes import Model
from .transformer import period_of


@dataclass(frozen=True)
class Parameter:
    name: str
    shape: tuple[int, ...]
    deviation: float
    """Of the normal that is cut at two of them (paper section 2.4); 0 for ones."""
    expert: int | None = None
    """Dimension that the expert axis cuts."""
    model: int | None = None
    """Dimension that the model axis cuts."""

    @property
    def part(self) -> str:
        """The part of a model that `training.freeze` names."""
        for mark, part in ((".router.", "router"), (".experts.", "experts"), (".mlp.", "dense"), ("Attention.", "attention"), ("layer_norm.", "norms")):
            if mark in self.name:
                return part
        return "embeddings"

    def draw(self, seed: int, index: int) -> np.ndarray:
        """fp32, as native/model/parameters.cpp draws parameter number `index`."""
        if self.deviation == 0.0:
            return np.ones(self.shape, np.float32)
        generator = np.random.RandomState((seed * 1_000_003 + index) & 0xFFFFFFFF)
        words = generator.randint(0, 1 << 32, size=self.shape, dtype=np.uint32)
        edge = math.erf(2.0 / math.sqrt(2.0))
        low, high = np.float32(-edge), np.float32(edge)
        u = (words & np.uint32(0xFFFFFF)).astype(np.float32) * np.float32(2.0 ** -24) * (high - low) + low
        return np.clip(erfinv(u) * np.float32(math.sqrt(2.0)), -2.0, 2.0).astype(np.float32) * np.float32(self.deviation)


def parameters_of(model: Model) -> list[Parameter]:
    """All parameters in the order in which the native engine makes them."""
    return list(_parameters(model))


def _parameters(m: Model) -> Iterator[Parameter]:
    d, inner, scale = m.d_model, m.inner, m.initialization_scale

    def deviation(fan_in: int) -> float:
        return math.sqrt(scale / fan_in)

    def norm(name: str) -> Parameter:
        return Parameter(f"{name}.weight", (d,), 0.0)

    def attention(name: str) -> Iterator[Parameter]:
        yield Parameter(f"{name}.q.weight", (inner, d), deviation(d * m.d_kv), model=0)
        yield Parameter(f"{name}.k.weight", (inner, d), deviation(d), model=0)
        yield Parameter(f"{name}.v.weight", (inner, d), deviation(d), model=0)
        yield Parameter(f"{name}.o.weight", (d, inner), deviation(inner), model=1)

    def feed_forward(name: str, sparse: bool) -> Iterator[Parameter]:
        inputs = ("wi_0", "wi_1") if m.gated else ("wi",)
        if not sparse:
            for wi in inputs:
                yield Parameter(f"{name}.{wi}.weight", (m.d_ff, d), deviation(d), model=0)
            yield Parameter(f"{name}.wo.weight", (d, m.d_ff), deviation(m.d_ff), model=1)
            return
        experts = m.sparse.experts
        yield Parameter(f"{name}.router.classifier.weight", (experts, d), deviation(d))
        for wi in inputs:
            yield Parameter(f"{name}.experts.{wi}", (experts, d, m.d_ff), deviation(d), expert=0, model=2)
        yield Parameter(f"{name}.experts.wo", (experts, m.d_ff, d), deviation(m.d_ff), expert=0, model=1)

    for name in ["shared.weight"] if m.shared_embeddings else ["encoder.embed_tokens.weight", "decoder.embed_tokens.weight"]:
        yield Parameter(name, (m.vocabulary, d), 1.0)
    for stack, blocks in m.stacks():
        yield Parameter(f"{stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight", (m.buckets, m.heads), deviation(d), model=1)
        crosses = stack == "decoder" and m.crosses
        for i, sparse in enumerate(blocks):
            block = f"{stack}.block.{i}.layer"
            yield norm(f"{block}.0.layer_norm")
            yield from attention(f"{block}.0.SelfAttention")
            if crosses:
                yield norm(f"{block}.1.layer_norm")
                yield from attention(f"{block}.1.EncDecAttention")
            last = 2 if crosses else 1
            yield norm(f"{block}.{last}.layer_norm")
            yield from feed_forward(f"{block}.{last}.mlp", sparse)
        yield norm(f"{stack}.final_layer_norm")
    if not m.tied:
        yield Parameter("lm_head.weight", (m.vocabulary, d), deviation(d))


@dataclass(frozen=True)
class Leaf:
    """A leaf of the tree: one parameter, or those of a block that repeats, stacked."""

    path: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    stacked: bool

    @property
    def key(self) -> str:
        return "/".join(self.path)

    @property
    def shape(self) -> tuple[int, ...]:
        shape = self.parameters[0].shape
        return (len(self.parameters), *shape) if self.stacked else shape

    @property
    def matrix(self) -> bool:
        """Weight decay and penalties are for matrices: norms are spared."""
        return len(self.parameters[0].shape) >= 2

    @property
    def partition(self) -> PartitionSpec:
        return self.partition_of(lambda dimensions: dimensions)

    def partition_of(self, kept: Callable[[list], list]) -> PartitionSpec:
        """How the mesh cuts what an optimizer keeps of the leaf: `kept` picks from the parameter's own dimensions."""
        first = self.parameters[0]
        axes: list[str | None] = [None] * len(first.shape)
        if first.expert is not None:
            axes[first.expert] = "expert"
        if first.model is not None:
            axes[first.model] = "model"
        axes = kept(axes)
        return PartitionSpec(*([None] if self.stacked else []), *axes)


def leaves_of(model: Model) -> list[Leaf]:
    """The leaves of the tree, those of a repeated block together."""
    groups: dict[tuple[str, ...], list[Parameter]] = {}
    stacked: dict[tuple[str, ...], bool] = {}
    plans = {stack: (*period_of(blocks), len(blocks)) for stack, blocks in model.stacks()}
    for parameter in parameters_of(model):
        path, repeats = _path_of(parameter.name, plans)
        groups.setdefault(path, []).append(parameter)
        stacked[path] = repeats
    return [Leaf(path, tuple(parameters), stacked[path]) for path, parameters in groups.items()]


def _path_of(name: str, plans: dict[str, tuple[int, int, int]]) -> tuple[tuple[str, ...], bool]:
    """Where Flax keeps a parameter, and whether that is a stack of them."""
    stack, _, rest = name.partition(".")
    if stack not in plans or rest.startswith("embed_tokens"):
        return (name,), False
    if not rest.startswith("block.") or "relative_attention_bias" in rest:
        return (stack, rest), False
    _, number, _, layer, inner = rest.split(".", 4)
    period, repeats, depth = plans[stack]
    i = int(number)
    scanned = repeats > 1 and i < repeats * period
    block = ("blocks", f"block.{i % period}") if scanned else ("rest", f"block.{i}")
    if inner.startswith("layer_norm"):
        return (stack, *block, f"layer.{layer}.{inner}"), scanned
    module, _, weight = inner.partition(".")
    modules = (f"layer.{layer}.{module}",)
    if weight.startswith("experts."):
        modules, weight = (*modules, "experts"), weight.removeprefix("experts.")
    return (stack, *block, *modules, weight), scanned
