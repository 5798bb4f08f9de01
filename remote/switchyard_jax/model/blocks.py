"""The layers of a T5 block as Flax modules. Parameters have the names of T5 and SwitchTransformers and the layout of the native engine; on a mesh a device
holds its part: heads and feed-forward columns along `model`, experts along `expert`.

Shape letters: B sequences, S tokens, d model width, H heads, T = B * S.
"""

from dataclasses import dataclass
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from ..mesh.axes import MeshShape, from_experts, gather_rows, own_rows, sum_gradient_over, sum_over, to_experts
from .facts import pack
from .places import closed_up, combine, dispatch, own_groups, row_numbers
from .products import EXACT, activate, linear, rms_norm
from .routing import BalanceSums, places_of, route
from .sites import WHOLE, dropout, uniform
from .sizes import Model, Sparse


@dataclass(frozen=True)
class Pass:
    """What is the same for all layers of a forward pass."""

    model: Model
    mesh: MeshShape
    type: Any
    training: bool

    def sum_columns(self, x: Array) -> Array:
        return x if self.mesh.model == 1 else sum_over("model", x)

    def enter_columns(self, x: Array) -> Array:
        return x if self.mesh.model == 1 else sum_gradient_over("model", x)


class Sites:
    """The places of a block in order, each with its key; None outside training, where nothing is random. native/model/pass.h counts them alike."""

    def __init__(self, keys: Array | None) -> None:
        self.keys = keys
        self.next = 0

    def take(self) -> Array | None:
        self.next += 1
        return None if self.keys is None else self.keys[self.next - 1]


def weight_of(module: nn.Module, name: str, *shape: int) -> Array:
    """A parameter. parameters.py says what it begins with."""
    return module.param(name, nn.initializers.zeros, shape, jnp.float32)


class Attention(nn.Module):
    """softmax(q k + bias + mask) v, without the scale of 1 / sqrt(d), as T5 has it."""

    work: Pass

    @nn.compact
    def __call__(self, x: Array, memory: Array, bias: Array | None, mask: Array, key: Array | None) -> Array:
        model, mesh = self.work.model, self.work.mesh
        heads = model.heads // mesh.model
        inner = heads * model.d_kv
        q, k, v = (weight_of(self, f"{name}.weight", inner, model.d_model) for name in "qkv")
        o = weight_of(self, "o.weight", model.d_model, inner)

        def project(source: Array, weight: Array) -> Array:  # (B, S, d) to (B, S, H, d_kv)
            return linear(source, weight).reshape(*source.shape[:2], heads, model.d_kv)

        entering = self.work.enter_columns(x)
        from_memory = entering if memory is x else self.work.enter_columns(memory)
        scores = jnp.einsum("bqhd,bkhd->bhqk", project(entering, q), project(from_memory, k), precision=EXACT, preferred_element_type=jnp.float32)
        if bias is not None:
            scores = scores + bias[None]
        scores = scores + mask[:, None]
        masked = jnp.isneginf(scores.max(axis=-1, keepdims=True))  # a row without any key gives zeros
        p = jnp.where(masked, 0.0, jax.nn.softmax(jnp.where(masked, 0.0, scores), axis=-1))
        # A row of the site is all heads of a sequence.
        p = dropout(p.reshape(p.shape[0], -1), key, model.dropout, mesh.rows(), mesh.columns()).reshape(p.shape).astype(x.dtype)
        context = jnp.einsum("bhqk,bkhd->bqhd", p, project(from_memory, v), precision=EXACT)
        return self.work.sum_columns(linear(context.reshape(*x.shape[:2], inner), o))


class FeedForward(nn.Module):
    """wo dropout(activation(wi x))."""

    work: Pass

    @nn.compact
    def __call__(self, x: Array, key: Array | None) -> Array:
        model, mesh = self.work.model, self.work.mesh
        columns = model.d_ff // mesh.model
        entering = self.work.enter_columns(x)
        gate = linear(entering, weight_of(self, "wi_0.weight", columns, model.d_model)) if model.gated else None
        wi = weight_of(self, "wi_1.weight" if model.gated else "wi.weight", columns, model.d_model)
        hidden = dropout(activate(model.feed_forward, linear(entering, wi), gate), key, model.dropout, mesh.rows(), mesh.columns())
        return self.work.sum_columns(linear(hidden, weight_of(self, "wo.weight", model.d_model, columns)))


class Experts(nn.Module):
    """E / X experts as batched matrix products over their places."""

    work: Pass

    @nn.compact
    def __call__(self, buffer: Array, key: Array | None, numbers: Array | None) -> Array:
        model, mesh, sparse = self.work.model, self.work.mesh, self.work.model.sparse
        experts, columns, d = sparse.experts // mesh.expert, model.d_ff // mesh.model, model.d_model

        def product(x: Array, weight: Array) -> Array:
            return jnp.einsum("eri,eio->ero", x, weight.astype(x.dtype), precision=EXACT)

        gate = product(buffer, weight_of(self, "wi_0", experts, d, columns)) if model.gated else None
        hidden = activate(model.feed_forward, product(buffer, weight_of(self, "wi_1" if model.gated else "wi", experts, d, columns)), gate)
        # Without row numbers the buffer is the one that a single device would hold.
        hidden = dropout(hidden, key, sparse.expert_dropout, WHOLE, mesh.columns(), numbers)
        return product(hidden, weight_of(self, "wo", experts, columns, d))


class SwitchLayer(nn.Module):
    """The sparse feed-forward layer: a router and experts (Switch, 2101.03961 section 2). On a mesh tokens travel to the devices of their experts and back,
    and where capacity is counted per batch all devices' tokens compete for places, in the order that they have on one device."""

    work: Pass

    @nn.compact
    def __call__(self, x: Array, valid: Array, sites: Sites) -> tuple[Array, Array, BalanceSums]:
        mesh, sparse = self.work.mesh, self.work.model.sparse
        batch, length, d = x.shape
        layout = Layout(sparse, mesh, batch, length, self.work.training)
        tokens = x.reshape(batch * length, d)
        counted = (jnp.ones_like(valid) if sparse.route_padding else valid).reshape(-1)
        logits = self._logits(tokens, sites)
        if layout.whole:
            logits, counted = gather_rows(mesh, logits), gather_rows(mesh, counted)
        sampling, sending = self._noise(logits, layout, sites)
        routed = route(sparse, logits, counted, layout.groups, layout.balance_groups, layout.capacity, self.work.training, sampling, sending)
        if layout.whole:
            own = closed_up(own_rows(mesh, routed.slot), sparse.experts, layout.capacity)
            gate = own_rows(mesh, routed.gate)
        else:
            own, gate = own_groups(routed.slot, mesh.rows(), layout.groups, layout.capacity), routed.gate

        key = sites.take()
        numbered = key is not None and sparse.expert_dropout > 0.0 and mesh.shares > 1
        numbers = to_experts(mesh, row_numbers(own, sparse.experts).reshape(sparse.experts, own.places)).reshape(-1) if numbered else None
        buffer = dispatch(self.work.enter_columns(tokens), own.slot, sparse.experts * own.places).reshape(sparse.experts, own.places, d)
        output = from_experts(mesh, Experts(self.work, name="experts")(to_experts(mesh, buffer), key, numbers))
        y = self.work.sum_columns(combine(output.reshape(-1, d), own.slot, self.work.enter_columns(gate)))
        return y.reshape(x.shape), pack(sparse, routed, layout.group_tokens), routed.balance

    def _logits(self, tokens: Array, sites: Sites) -> Array:
        """(T, E) in the router's type. Selective precision (section 2.4): the router alone works in fp32."""
        sparse, mesh = self.work.model.sparse, self.work.mesh
        kind = self.work.type if self.work.model.precision == "bf16" else jnp.float32
        x = tokens.astype(kind)
        if self.work.training and sparse.exploration == "jitter":
            u = uniform(x.shape, sites.take(), mesh.rows())
            x = x * (u * (2.0 * sparse.jitter) + (1.0 - sparse.jitter)).astype(kind)
        elif self.work.training and sparse.exploration == "input-dropout":
            x = dropout(x, sites.take(), sparse.input_dropout, mesh.rows())
        return linear(x, weight_of(self, "router.classifier.weight", sparse.experts, self.work.model.d_model))

    def _noise(self, logits: Array, layout: "Layout", sites: Sites) -> tuple[Array | None, Array | None]:
        sparse = self.work.model.sparse
        rows = WHOLE if layout.whole else self.work.mesh.rows()
        sampling = sending = None
        if self.work.training and sparse.exploration == "sampling":
            sampling = uniform(logits.shape, sites.take(), rows)
        if self.work.training and sparse.later_choices == "random":
            key = sites.take()
            sending = uniform((logits.shape[0], sparse.choices - 1), key, rows) if sparse.has_later_choices else None
        return sampling, sending


class Layout:
    """Shapes of a switch layer's routing: which rows are routed here, and how they are grouped."""

    def __init__(self, sparse: Sparse, mesh: MeshShape, batch: int, length: int, training: bool) -> None:
        self.whole = mesh.shares > 1 and sparse.capacity_group == "batch"
        """Tokens that compete across devices are routed together, on every device alike."""
        self.own_rows = mesh.shares > 1 and not self.whole
        sequences, shares = (batch * mesh.shares, mesh.shares) if self.whole else (batch, 1)
        tokens = sequences * length
        self.groups = {"sequence": sequences, "rank": shares, "batch": 1}[sparse.capacity_group]
        self.balance_groups = {"capacity-group": self.groups, "sequence": sequences, "batch": shares, "ranks": 1}[sparse.auxiliary_loss_group]
        self.group_tokens = tokens // self.groups
        self.capacity = places_of(sparse, self.group_tokens, sparse.training_factor if training else sparse.evaluation_factor)
        self.all_groups = self.groups * (1 if self.whole else mesh.shares)
        """Groups of the whole batch."""


class Block(nn.Module):
    """Self-attention, attention to the encoder where there is one, and the feed-forward, each behind a norm and added to the residual."""

    work: Pass
    sparse: bool
    crosses: bool

    @nn.compact
    def __call__(self, x: Array, keys: Array | None, bias: Array, mask: Array, valid: Array, memory: Array | None, memory_mask: Array | None):
        model = self.work.model
        sites = Sites(keys)
        rows = self.work.mesh.rows()

        def norm(layer: int, h: Array) -> Array:
            return rms_norm(h, weight_of(self, f"layer.{layer}.layer_norm.weight", model.d_model), model.norm_epsilon)

        def add(h: Array, update: Array) -> Array:
            return h + dropout(update, sites.take(), model.dropout, rows)

        h = norm(0, x)
        x = add(x, Attention(self.work, name="layer.0.SelfAttention")(h, h, bias, mask, sites.take()))
        if self.crosses:
            x = add(x, Attention(self.work, name="layer.1.EncDecAttention")(norm(1, x), memory, None, memory_mask, sites.take()))
        last = 2 if self.crosses else 1
        h = norm(last, x)
        if not self.sparse:
            return add(x, FeedForward(self.work, name=f"layer.{last}.mlp")(h, sites.take())), None
        update, facts, balance = SwitchLayer(self.work, name=f"layer.{last}.mlp")(h, valid, sites)
        return add(x, update), (facts, balance)


def places_in_block(model: Model, sparse: bool, crosses: bool) -> int:
    """Sites that a block takes in training."""
    places = 2 + (2 if crosses else 0) + 2
    if not sparse:
        return places
    s = model.sparse
    return places + (s.exploration != "none") + (s.later_choices == "random")
