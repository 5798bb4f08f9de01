"""One training step of transformers' SwitchTransformers, timed on request.

Asked (stepping.py) for {"mode", "sizes", "input", "labels"}.
Modes: fp32, bf16 (autocast), compiled-fp32, compiled-bf16. The optimizer is torch's fused AdamW.
"""

import contextlib
import time

import torch
import transformers
from stepping import answer_steps, request
from transformers import SwitchTransformersConfig, SwitchTransformersForConditionalGeneration


def build(sizes, mode):
    torch.manual_seed(0)
    config = SwitchTransformersConfig(
        vocab_size=sizes["vocabulary"], d_model=sizes["dModel"], d_ff=sizes["dFf"], d_kv=sizes["dKv"], num_heads=sizes["heads"],
        num_layers=sizes["layers"], num_decoder_layers=sizes["layers"],
        num_sparse_encoder_layers=sizes["layers"] // 2, num_sparse_decoder_layers=sizes["layers"] // 2,
        num_experts=sizes["experts"], expert_capacity=sizes["capacity"], dropout_rate=sizes["dropout"],
        router_aux_loss_coef=0.01, router_z_loss_coef=0.0, router_jitter_noise=0.0,
        decoder_start_token_id=0, pad_token_id=0, output_router_logits=True,
    )
    model = SwitchTransformersForConditionalGeneration(config).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.0, fused=True)
    forward = torch.compile(model) if mode.startswith("compiled") else model
    precision = torch.autocast("cpu", torch.bfloat16) if mode.endswith("bf16") else contextlib.nullcontext()
    return model, forward, optimizer, precision


def main():
    asked = request()
    sizes, mode = asked["sizes"], asked["mode"]
    torch.set_num_threads(asked["threads"])
    model, forward, optimizer, precision = build(sizes, mode)
    input_ids = torch.tensor(asked["input"], dtype=torch.long).view(sizes["batch"], -1)
    labels = torch.tensor(asked["labels"], dtype=torch.long).view(sizes["batch"], -1)
    attention = torch.ones_like(input_ids)

    def step():
        with precision:
            loss = forward(input_ids=input_ids, attention_mask=attention, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.item()

    # The first step allocates, and compiles where that is asked for; the later ones warm up, unless each takes very long.
    step()
    for _ in range(2):
        start = time.perf_counter()
        step()
        if time.perf_counter() - start > 5:
            break
    answer_steps(step, f"transformers {transformers.__version__}, torch {torch.__version__}", sum(p.numel() for p in model.parameters()))


main()
