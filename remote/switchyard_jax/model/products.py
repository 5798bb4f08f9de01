"""Matrix products and the norm, in the type of a pass. fp32 products are exact on every device: a TPU would else take its factors in bf16."""

import jax
import jax.numpy as jnp
from jax import Array, lax

EXACT = lax.Precision.HIGHEST


def linear(x: Array, weight: Array) -> Array:
    """(..., in) times the transpose of weight (out, in), in the type of x."""
    return jnp.einsum("...i,oi->...o", x, weight.astype(x.dtype), precision=EXACT)


def rms_norm(x: Array, weight: Array, epsilon: float) -> Array:
    wide = x.astype(jnp.float32)
    return (wide * lax.rsqrt(jnp.square(wide).mean(axis=-1, keepdims=True) + epsilon) * weight).astype(x.dtype)


def activate(kind: str, x: Array, gate: Array | None) -> Array:
    """ReLU or GELU (the tanh approximation) of x, or the GELU or SiLU of the gate times x."""
    match kind:
        case "relu":
            return jnp.maximum(x, 0)
        case "gelu":
            return jax.nn.gelu(x, approximate=True)
        case "gated-gelu":
            return jax.nn.gelu(gate, approximate=True) * x
        case _:
            return jax.nn.silu(gate) * x
