"""One training step of a Switch Transformer written well in plain PyTorch, timed on request: the rival that anyone could have.

The same sizes as the engine's model: T5 blocks (RMSNorm before, bucketed relative position bias, ReLU feed-forward, tied embeddings), a switch layer in
every second, top-1 over the whole batch with a capacity, the router in fp32. No loop over experts: tokens are put into [experts, capacity, d] by index and
multiplied in one batched product. Attention is PyTorch's own, the optimizer its fused AdamW.
Asked (stepping.py) for {"mode", "sizes", "input", "labels", "threads"}.
Modes: fp32, bf16 (autocast), compiled-fp32, compiled-bf16.
"""

import contextlib
import math

import torch
from stepping import answer_steps, request
from torch import nn
from torch.nn import functional as F


def relative_buckets(queries, keys, bidirectional, buckets=32, longest=128):
    distance = torch.arange(keys)[None, :] - torch.arange(queries)[:, None]
    offset = torch.zeros_like(distance)
    if bidirectional:
        buckets //= 2
        offset = (distance > 0).long() * buckets
        distance = distance.abs()
    else:
        distance = (-distance).clamp(min=0)
    exact = buckets // 2
    far = exact + (torch.log(distance.clamp(min=1).float() / exact) / math.log(longest / exact) * (buckets - exact)).long()
    return offset + torch.where(distance < exact, distance, far.clamp(max=buckets - 1))


class Attention(nn.Module):
    def __init__(self, s, causal):
        super().__init__()
        self.heads, self.causal, self.dropout = s["heads"], causal, s["dropout"]
        inner = s["heads"] * s["dKv"]
        self.q = nn.Linear(s["dModel"], inner, bias=False)
        self.kv = nn.Linear(s["dModel"], 2 * inner, bias=False)
        self.o = nn.Linear(inner, s["dModel"], bias=False)

    def forward(self, x, memory, bias):
        def split(t):
            return t.view(t.shape[0], t.shape[1], self.heads, -1).transpose(1, 2)

        k, v = self.kv(memory).chunk(2, -1)
        # T5 does not scale its scores. The mask is the bias, with -inf where a causal query may not look.
        y = F.scaled_dot_product_attention(split(self.q(x)), split(k), split(v), attn_mask=bias, dropout_p=self.dropout if self.training else 0.0, scale=1.0)
        return self.o(y.transpose(1, 2).flatten(2))


class Dense(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.wi, self.wo = nn.Linear(s["dModel"], s["dFf"], bias=False), nn.Linear(s["dFf"], s["dModel"], bias=False)
        self.dropout = s["dropout"]

    def forward(self, x):
        return self.wo(F.dropout(F.relu(self.wi(x)), self.dropout, self.training)), x.new_zeros((), dtype=torch.float32)


class Switch(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.experts, self.factor, self.dropout = s["experts"], s["capacityFactor"], s["dropout"]
        self.router = nn.Linear(s["dModel"], s["experts"], bias=False)
        self.wi = nn.Parameter(torch.randn(s["experts"], s["dModel"], s["dFf"]) / math.sqrt(10 * s["dModel"]))
        self.wo = nn.Parameter(torch.randn(s["experts"], s["dFf"], s["dModel"]) / math.sqrt(10 * s["dFf"]))

    def forward(self, x):
        tokens = x.reshape(-1, x.shape[-1])
        count, experts = tokens.shape[0], self.experts
        capacity = math.ceil(count / experts * self.factor)
        with torch.autocast("cpu", enabled=False):
            probabilities = self.router(tokens.float()).softmax(-1)
        gate, expert = probabilities.max(-1)
        chosen = F.one_hot(expert, experts)
        place = (chosen.cumsum(0) - 1).gather(1, expert[:, None])[:, 0]
        # Tokens beyond the capacity go to a row behind the buffer, which is dropped.
        slot = torch.where(place < capacity, expert * capacity + place, experts * capacity)
        buffer = tokens.new_zeros(experts * capacity + 1, tokens.shape[1]).index_copy(0, slot, tokens)
        hidden = F.dropout(F.relu(torch.bmm(buffer[:-1].view(experts, capacity, -1), self.wi)), self.dropout, self.training)
        out = torch.bmm(hidden, self.wo).view(experts * capacity, -1)
        out = torch.cat([out, out.new_zeros(1, out.shape[1])])
        y = out.index_select(0, slot) * gate[:, None].to(out.dtype)
        balance = experts * (chosen.float().mean(0) * probabilities.mean(0)).sum()
        return y.view_as(x), balance


class Block(nn.Module):
    def __init__(self, s, causal, crosses, sparse):
        super().__init__()
        self.norms = nn.ModuleList(nn.RMSNorm(s["dModel"], eps=1e-6) for _ in range(3 if crosses else 2))
        self.attention, self.cross = Attention(s, causal), Attention(s, False) if crosses else None
        self.feed_forward = Switch(s) if sparse else Dense(s)
        self.dropout = s["dropout"]

    def forward(self, x, bias, memory):
        def add(x, y):
            return x + F.dropout(y, self.dropout, self.training)

        h = self.norms[0](x)
        x = add(x, self.attention(h, h, bias))
        if self.cross is not None:
            x = add(x, self.cross(self.norms[1](x), memory, None))
        y, balance = self.feed_forward(self.norms[-1](x))
        return add(x, y), balance


class Stack(nn.Module):
    def __init__(self, s, layers, length, causal, crosses):
        super().__init__()
        self.blocks = nn.ModuleList(Block(s, causal, crosses, i % 2 == 1) for i in range(layers))
        self.norm, self.dropout = nn.RMSNorm(s["dModel"], eps=1e-6), s["dropout"]
        self.bias = nn.Embedding(32, s["heads"])
        self.register_buffer("buckets", relative_buckets(length, length, not causal))
        self.register_buffer("mask", torch.full((length, length), -math.inf).triu(1) if causal else torch.zeros(length, length))

    def forward(self, x, memory=None):
        bias = (self.bias(self.buckets).permute(2, 0, 1) + self.mask)[None]
        if torch.is_autocast_enabled("cpu"):
            bias = bias.bfloat16()
        x = F.dropout(x, self.dropout, self.training)
        total = 0.0
        for block in self.blocks:
            x, balance = block(x, bias, memory)
            total = total + balance
        return F.dropout(self.norm(x), self.dropout, self.training), total


class Model(nn.Module):
    def __init__(self, s, source, target):
        super().__init__()
        self.embedding = nn.Embedding(s["vocabulary"], s["dModel"])
        self.encoder = Stack(s, s["encoderLayers"], source, False, False) if source else None
        self.decoder = Stack(s, s["decoderLayers"], target, True, bool(source))
        self.scale = s["dModel"] ** -0.5

    def forward(self, source, labels):
        memory, balance = None, 0.0
        if self.encoder is not None:
            memory, balance = self.encoder(self.embedding(source))
        shifted = F.pad(labels[:, :-1], (1, 0))
        x, more = self.decoder(self.embedding(shifted), memory)
        logits = F.linear(x * self.scale, self.embedding.weight)
        return F.cross_entropy(logits.flatten(0, 1).float(), labels.flatten()) + 0.01 * (balance + more)


def main():
    asked = request()
    s, mode = asked["sizes"], asked["mode"]
    torch.set_num_threads(asked["threads"])
    torch.manual_seed(0)
    labels = torch.tensor(asked["labels"], dtype=torch.long).view(s["batch"], -1)
    source = torch.tensor(asked["input"], dtype=torch.long).view(s["batch"], -1) if asked["input"] else None
    model = Model(s, 0 if source is None else source.shape[1], labels.shape[1]).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.0, fused=True)
    forward = torch.compile(model) if mode.startswith("compiled") else model
    precision = torch.autocast("cpu", torch.bfloat16) if mode.endswith("bf16") else contextlib.nullcontext()

    def step():
        with precision:
            loss = forward(source, labels)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.item()

    for _ in range(3):
        step()
    answer_steps(step, f"torch {torch.__version__}", sum(p.numel() for p in model.parameters()))


main()
