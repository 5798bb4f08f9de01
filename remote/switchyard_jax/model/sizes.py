"""What of a spec decides the shapes of a model and of its parts."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Sparse:
    """contract/sparseSpec.ts says what each field does."""

    experts: int
    routing: str
    choices: int
    later_choices: str
    normalize_gates: bool
    probability_threshold: float | None
    budget: float | None
    exploration: str
    jitter: float
    input_dropout: float
    training_factor: float
    evaluation_factor: float
    fixed_capacity: int | None
    capacity_group: str
    overflow: str
    priority: str
    balancing: str
    auxiliary_loss: float
    auxiliary_loss_group: str
    auxiliary_loss_form: str
    auxiliary_loss_steps: int | None
    z_loss: float
    route_padding: bool
    expert_dropout: float

    @property
    def choices_a_token(self) -> float:
        """Choices of a token that places are made for: k of eq. 3, or the budget in its stead."""
        if self.routing != "top-k":
            return 1.0
        if self.budget is not None:
            return float(self.budget)
        return 1.0 if self.later_choices == "none" else float(self.choices)

    @property
    def has_later_choices(self) -> bool:
        return self.routing == "top-k" and self.choices > 1

    @property
    def limited(self) -> bool:
        """Experts have a number of places."""
        return self.overflow == "drop"


@dataclass(frozen=True)
class Model:
    """contract/modelSpec.ts says what each field does. `encoder` and `decoder` tell of each block whether it is sparse; no encoder: ()."""

    architecture: str
    d_model: int
    d_ff: int
    heads: int
    d_kv: int
    encoder: tuple[bool, ...]
    decoder: tuple[bool, ...]
    feed_forward: str
    dropout: float
    buckets: int
    max_distance: int
    norm_epsilon: float
    tied: bool
    rescaled_head: bool
    shared_embeddings: bool
    initialization_scale: float
    precision: str
    sparse: Sparse | None
    vocabulary: int
    pad: int
    start: int

    @property
    def inner(self) -> int:
        return self.heads * self.d_kv

    @property
    def gated(self) -> bool:
        return self.feed_forward.startswith("gated")

    @property
    def crosses(self) -> bool:
        """The decoder reads what the encoder made."""
        return self.architecture == "encoder-decoder"

    def stacks(self) -> list[tuple[str, tuple[bool, ...]]]:
        return [*([("encoder", self.encoder)] if self.crosses else []), ("decoder", self.decoder)]


def _sparse_blocks(model: dict[str, Any], stack: str, layers: int) -> tuple[bool, ...]:
    sparse = model["sparse"]
    if sparse is None:
        return (False,) * layers
    listed = sparse["layers"]
    return tuple(i in listed[stack] if listed else i % sparse["every"] == sparse["every"] - 1 for i in range(layers))


def model_of(spec: dict[str, Any], vocabulary: int, pad: int) -> Model:
    """The model of a whole spec, as `read_spec` gives it. The decoder starts from the padding token."""
    m = spec["model"]
    s = m["sparse"]
    sparse = None if s is None else Sparse(
        s["experts"], s["routing"], s["choices"], s["laterChoices"], s["normalizeGates"], s["probabilityThreshold"], s["budget"], s["exploration"], s["jitter"],
        s["inputDropout"], s["capacityFactor"]["training"], s["capacityFactor"]["evaluation"], s["fixedCapacity"], s["capacityGroup"], s["overflow"], s["priority"],
        s["balancing"], s["auxiliaryLoss"], s["auxiliaryLossGroup"], s["auxiliaryLossForm"], s["auxiliaryLossSteps"], s["zLoss"], s["routePadding"], s["expertDropout"])
    decoder_only = m["architecture"] == "decoder-only"
    return Model(
        m["architecture"], m["dModel"], m["dFf"], m["heads"], m["dKv"], () if decoder_only else _sparse_blocks(m, "encoder", m["encoderLayers"]),
        _sparse_blocks(m, "decoder", m["decoderLayers"]), m["feedForward"], m["dropout"], m["relativePositionBuckets"], m["relativePositionMaxDistance"],
        m["normEpsilon"], m["tiedEmbeddings"], m["rescaledHead"], m["sharedEmbeddings"], m["initializationScale"], m["precision"], sparse, vocabulary, pad, pad)
