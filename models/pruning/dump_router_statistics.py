#!/usr/bin/env python3
"""Router statistics of a Hugging Face mixture-of-experts model on task text, for `moeplan prune`.

    python3 dump_router_statistics.py MODEL TEXT_FILE router.safetensors [--tokens N] [--logits]

Needs torch, transformers (4.x) and safetensors. TEXT_FILE: one example a line. Writes, for each MoE
layer L, the tensors that models/checkpoint/router_data.hpp documents: tokens, gram, logit_sum,
selected, gate_sum, or with --logits the raw logits; gated_norm_sum where experts are modules of
their own (what `--method reap` needs). Selections are a softmax's or a sigmoid's top-k (with
e_score_correction_bias and group limits where the config has them).
"""
import argparse
import re

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer


class Layer:
    """Sums over tokens of one router."""

    def __init__(self, router, config, keep_logits):
        self.router, self.config = router, config
        self.keep = [] if keep_logits else None
        self.sums = None
        self.gates = None  # [tokens x experts] of the last batch, 0 where not chosen

    def select(self, logits):
        config = self.config
        top_k = config.num_experts_per_tok
        sigmoid = getattr(config, "scoring_func", "softmax") == "sigmoid"
        scores = logits.sigmoid() if sigmoid else logits.softmax(-1)
        choice = scores
        bias = getattr(self.router, "e_score_correction_bias", None)
        if bias is not None:
            choice = scores + bias
        groups = getattr(config, "n_group", None) or 1
        kept = getattr(config, "topk_group", None) or groups
        if kept < groups:
            parts = choice.view(len(choice), groups, -1)
            best = parts.topk(2, -1).values.sum(-1) if bias is not None else parts.max(-1).values
            mask = torch.zeros_like(best).scatter_(1, best.topk(kept, -1).indices, 1.0)
            choice = parts.masked_fill(mask.unsqueeze(-1) == 0, float("-inf")).flatten(1)
        chosen = choice.topk(top_k, -1).indices
        gates = torch.zeros_like(scores).scatter(1, chosen, scores.gather(1, chosen))
        if getattr(config, "norm_topk_prob", True):
            gates = gates / gates.sum(-1, keepdim=True)
        return gates, torch.zeros_like(scores).scatter(1, chosen, 1.0)

    def add(self, hidden):
        hidden = hidden.reshape(-1, hidden.shape[-1]).float()
        bias = getattr(self.router, "bias", None)
        logits = torch.nn.functional.linear(
            hidden, self.router.weight.float(), None if bias is None else bias.float())
        self.gates, chosen = self.select(logits)
        wide = logits.double()
        parts = {
            "tokens": torch.tensor([len(logits)]),
            "gram": wide.T @ wide,
            "logit_sum": wide.sum(0),
            "selected": chosen.sum(0).long(),
            "gate_sum": self.gates.double().sum(0),
            "gated_norm_sum": torch.zeros(logits.shape[1], dtype=torch.float64),
        }
        parts = {name: value.cpu() for name, value in parts.items()}
        self.sums = parts if self.sums is None else {n: self.sums[n] + v for n, v in parts.items()}
        if self.keep is not None:
            self.keep.append(logits.cpu())

    def add_expert(self, expert, output):
        """An expert's output on the tokens that chose it, in their order."""
        gates = self.gates[:, expert]
        gates = gates[gates > 0]
        if len(gates) == len(output):
            self.sums["gated_norm_sum"][expert] += float((gates * output.float().norm(dim=-1)).sum())
        else:
            raise SystemExit(f"expert {expert}: {len(output)} outputs for {len(gates)} tokens")


def attach(model, keep_logits):
    layers = {}
    for name, module in model.named_modules():
        found = re.fullmatch(r"model\.layers\.(\d+)\..*\.(gate|router)", name)
        weight = getattr(module, "weight", None)
        if found and weight is not None and weight.dim() == 2 and weight.shape[0] > 1:
            layer = Layer(module, model.config, keep_logits)
            layers[int(found.group(1))] = layer
            module.register_forward_pre_hook(lambda m, inputs, it=layer: it.add(inputs[0]))
    for name, module in model.named_modules():
        found = re.fullmatch(r"model\.layers\.(\d+)\..*\.experts\.(\d+)", name)
        if found and int(found.group(1)) in layers:
            layer, expert = layers[int(found.group(1))], int(found.group(2))
            module.register_forward_hook(
                lambda m, inputs, output, it=layer, e=expert: it.add_expert(e, output))
    if not layers:
        raise SystemExit("no router found: expected modules model.layers.L.*.gate or .router")
    return layers


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("text")
    parser.add_argument("output")
    parser.add_argument("--tokens", type=int, default=1_000_000)
    parser.add_argument("--logits", action="store_true", help="raw logits instead of sums")
    args = parser.parse_args()
    tokenizer = AutoTokenizer.from_pretrained(args.model)
    model = AutoModelForCausalLM.from_pretrained(args.model, torch_dtype="auto", device_map="auto")
    model.eval()
    layers = attach(model, args.logits)
    seen = 0
    with open(args.text, encoding="utf-8") as lines, torch.inference_mode():
        for line in lines:
            tokens = tokenizer(line, return_tensors="pt", truncation=True).input_ids
            if tokens.shape[1] > 1:
                model(tokens.to(model.device))
                seen += tokens.shape[1]
            if seen >= args.tokens:
                break
    tensors = {}
    for number, layer in layers.items():
        sums = layer.sums
        if not bool((sums["gated_norm_sum"] > 0).any()):
            del sums["gated_norm_sum"]  # fused experts: not seen one by one
        if args.logits:
            tensors[f"layer.{number}.logits"] = torch.cat(layer.keep)
            sums = {k: v for k, v in sums.items() if k == "gated_norm_sum"}
        tensors.update({f"layer.{number}.{name}": value for name, value in sums.items()})
    save_file({name: value.contiguous() for name, value in tensors.items()}, args.output)
    print(f"{args.output}: {len(layers)} layers, {seen} tokens")


if __name__ == "__main__":
    main()
