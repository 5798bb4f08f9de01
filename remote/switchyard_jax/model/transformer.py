"""The Switch Transformer: encoder and decoder, or a decoder alone, as repeated groups of blocks.

A stack's blocks repeat with a period, a dense and a sparse block in the paper's models. The repeats run under `scan`, so that a deep model compiles as
fast as a shallow one; what is left over runs behind them.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from .blocks import Block, Pass, places_in_block, weight_of
from .products import linear, rms_norm
from .routing import BalanceSums
from .sites import dropout
from .sizes import Model


def period_of(blocks: tuple[bool, ...]) -> tuple[int, int]:
    """(period, repeats): the shortest sequence of blocks that repeats at least twice, and how often; (depth, 1) where none does."""
    for period in range(1, len(blocks) // 2 + 1):
        if all(sparse == blocks[i % period] for i, sparse in enumerate(blocks)):
            return period, len(blocks) // period
    return len(blocks), 1


def relative_buckets(queries: int, keys: int, bidirectional: bool, buckets: int, max_distance: int) -> np.ndarray:
    """int32 (queries, keys) of T5. The logarithm is rounded to fp32, as the published implementations have it: the edges between buckets depend on it."""
    distance = np.arange(keys)[None, :] - np.arange(queries)[:, None]
    offset = np.zeros_like(distance)
    if bidirectional:
        buckets //= 2
        offset = np.where(distance > 0, buckets, 0)
        distance = np.abs(distance)
    else:
        distance = np.maximum(0, -distance)
    exact = buckets // 2

    def log32(x: np.ndarray) -> np.ndarray:
        return np.log(x.astype(np.float32).astype(np.float64)).astype(np.float32)

    ratio = log32(np.maximum(distance, 1).astype(np.float32) / np.float32(exact)) / log32(np.float32(max_distance) / np.float32(exact))
    far = np.clip(exact + (ratio * np.float32(buckets - exact)).astype(np.int64), exact, buckets - 1)
    return (offset + np.where(distance < exact, distance, far)).astype(np.int32)


class Group(nn.Module):
    """One period of a stack's blocks."""

    work: Pass
    blocks: tuple[bool, ...]
    crosses: bool
    first: int = 0
    """Number of the first block in its names."""

    @nn.compact
    def __call__(self, x: Array, keys: Array | None, *shared: Any):
        routed, at = [], 0
        for i, sparse in enumerate(self.blocks):
            places = places_in_block(self.work.model, sparse, self.crosses)
            own = None if keys is None else keys[at:at + places]
            at += places
            x, one = Block(self.work, sparse, self.crosses, name=f"block.{self.first + i}")(x, own, *shared)
            if sparse:
                routed.append(one)
        return x, routed


class Stack(nn.Module):
    work: Pass
    blocks: tuple[bool, ...]
    is_encoder: bool
    rematerialise: bool = False

    @nn.compact
    def __call__(self, x: Array, valid: Array, mask: Array, memory: Array | None, memory_mask: Array | None, keys: Array | None):
        """x (B, S, d). Returns it with the facts (L, ...) and balance sums (L, A, ...) of the sparse blocks in order, or None without any."""
        model, mesh = self.work.model, self.work.mesh
        crosses = not self.is_encoder and model.crosses
        length = x.shape[1]
        table = weight_of(self, "block.0.layer.0.SelfAttention.relative_attention_bias.weight", model.buckets, model.heads // mesh.model)
        buckets = relative_buckets(length, length, self.is_encoder, model.buckets, model.max_distance)
        bias = jnp.transpose(table[buckets], (2, 0, 1))  # (H, S, S)
        rows = mesh.rows()

        period, repeats = period_of(self.blocks)
        places = sum(places_in_block(model, sparse, crosses) for sparse in self.blocks[:period])
        group = nn.remat(Group, prevent_cse=repeats == 1) if self.rematerialise else Group
        shared = (bias, mask, valid, memory, memory_mask)

        x = dropout(x, None if keys is None else keys[0], model.dropout, rows)
        routed = []
        if repeats > 1:
            own = None if keys is None else keys[1:1 + repeats * places].reshape(repeats, places, 2)
            scan = nn.scan(group, variable_axes={"params": 0}, split_rngs={"params": True}, in_axes=(0, *(nn.broadcast,) * len(shared)), length=repeats)
            x, groups = scan(self.work, self.blocks[:period], crosses, name="blocks")(x, own, *shared)
            # A layer of each repeat to the layers in order: (repeats, ...) of each place in the period.
            if groups:
                routed.append(jax.tree.map(lambda *of_places: jnp.stack(of_places, axis=1).reshape(-1, *of_places[0].shape[1:]), *groups))
        rest = self.blocks[repeats * period:] if repeats > 1 else self.blocks
        if rest:
            first = len(self.blocks) - len(rest)
            at = 1 + (repeats * places if repeats > 1 else 0)
            x, groups = group(self.work, rest, crosses, first, name="rest")(x, None if keys is None else keys[at:-1], *shared)
            if groups:
                routed.append(jax.tree.map(lambda *of_places: jnp.stack(of_places), *groups))
        x = rms_norm(x, weight_of(self, "final_layer_norm.weight", model.d_model), model.norm_epsilon)
        x = dropout(x, None if keys is None else keys[-1], model.dropout, rows)
        return x, (jax.tree.map(lambda *parts: jnp.concatenate(parts), *routed) if routed else None)


def places_in_stack(model: Model, blocks: tuple[bool, ...], crosses: bool) -> int:
    return 2 + sum(places_in_block(model, sparse, crosses) for sparse in blocks)


def places_in(model: Model) -> int:
    """Sites of a training step."""
    return sum(places_in_stack(model, blocks, name == "decoder" and model.crosses) for name, blocks in model.stacks())


class Transformer(nn.Module):
    work: Pass
    rematerialise: bool = False

    @nn.compact
    def __call__(self, tokens: dict[str, Array], keys: Array | None) -> tuple[Array, dict[str, tuple[Array, BalanceSums]]]:
        """tokens: `labels` (B, T), `input` (B, S) of an encoder-decoder, `decoderInput` (B, T) where it is not the labels shifted right.
        Gives logits (B, T, V) in the pass's type, and what each stack with sparse layers routed."""
        model = self.work.model
        names = ["shared.weight"] if model.shared_embeddings else ["encoder.embed_tokens.weight", "decoder.embed_tokens.weight"]
        tables = [weight_of(self, name, model.vocabulary, model.d_model) for name in names]
        routed, memory, memory_mask = {}, None, None
        if model.crosses:
            places = places_in_stack(model, model.encoder, False)
            valid = tokens["input"] != model.pad
            memory_mask = jnp.where(valid, 0.0, -jnp.inf)[:, None, :]
            stack = Stack(self.work, model.encoder, True, self.rematerialise, name="encoder")
            memory, routed["encoder"] = stack(tables[0].astype(self.work.type)[tokens["input"]], valid.astype(jnp.float32), memory_mask, None, None,
                                              None if keys is None else keys[:places])
            keys = None if keys is None else keys[places:]
        ids, valid = self._decoder_tokens(tokens)
        causal = jnp.where(np.tril(np.ones((ids.shape[1],) * 2, bool)), 0.0, -jnp.inf)[None]
        stack = Stack(self.work, model.decoder, False, self.rematerialise, name="decoder")
        x, routed["decoder"] = stack(tables[-1].astype(self.work.type)[ids], valid, causal, memory, memory_mask, keys)
        if not model.tied:
            logits = linear(x, weight_of(self, "lm_head.weight", model.vocabulary, model.d_model))
        else:
            logits = linear((x.astype(jnp.float32) * model.d_model ** -0.5).astype(x.dtype) if model.rescaled_head else x, tables[-1])
        return logits, {name: layers for name, layers in routed.items() if layers is not None}

    def _decoder_tokens(self, tokens: dict[str, Array]) -> tuple[Array, Array]:
        """Ids that the decoder reads, and which of them are no padding."""
        model, labels = self.work.model, tokens["labels"]
        predicts = labels != model.pad
        if "decoderInput" not in tokens:
            return jnp.concatenate([jnp.full_like(labels[:, :1], model.start), labels[:, :-1]], axis=1), predicts.astype(jnp.float32)
        # The start token may be the padding's id, and a token that is only read has no label.
        valid = ((tokens["decoderInput"] != model.pad) | predicts).at[:, 0].set(True)
        return tokens["decoderInput"], valid.astype(jnp.float32)
