#!/usr/bin/env python3
"""The models of tests/gpu/bench in eager PyTorch on a GPU, the batch there already, plain gradient descent.

  models_torch.py MODEL SECONDS [--remember FILE] [--device cpu]
      -> {"samples_per_second": N, "matrix_tflops": N, "settings": {...}}

MODEL: mlp, resnet, resnet-bf16 or gpt; sizes and batches are those of bench.cc. Each setting that may help is tried for a
second and the fastest is measured: bfloat16 by autocast over float32 weights (as here) or of the weights themselves, the memory
format of images, the optimizer's loop. --remember keeps what was found for the runs after. PyTorch's own defaults decide
on TF32 (convolutions of float32 have it).
"""
import argparse
import contextlib
import itertools
import json
import math
import os
import time

import torch
from torch import nn
from torch.nn import functional

WIDTH, CONTEXT, VOCABULARY = 768, 1024, 50257


def mlp():
    layers = [m for _ in range(4) for m in (nn.Linear(4096, 4096), nn.ReLU())]
    return nn.Sequential(*layers, nn.Linear(4096, 1000))


class Block(nn.Module):
    """Two convolutions of 3 x 3 and what goes around them."""

    def __init__(self, channels, out, stride):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out), nn.ReLU(inplace=True),
            nn.Conv2d(out, out, 3, 1, 1, bias=False), nn.BatchNorm2d(out))
        self.shortcut = nn.Identity()
        if stride > 1 or channels != out:
            self.shortcut = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        return torch.relu_(self.body(x) + self.shortcut(x))


def resnet():
    layers = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True)]
    channels = 64
    for out in (64, 128, 256, 512):
        layers += [Block(channels, out, 1 if out == 64 else 2), Block(out, out, 1)]
        channels = out
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm, self.qkv, self.out = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x):
        rows, length, width = x.shape
        q, k, v = self.qkv(self.norm(x)).view(rows, length, 3, 12, width // 12).permute(2, 0, 3, 1, 4)
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return x + self.out(y.transpose(1, 2).reshape(rows, length, width))


class FeedForward(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 4 * WIDTH), nn.GELU("tanh"),
                                  nn.Linear(4 * WIDTH, WIDTH))

    def forward(self, x):
        return x + self.body(x)


class Gpt(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens = nn.Embedding(VOCABULARY, WIDTH)
        self.positions = nn.Parameter(torch.randn(CONTEXT, WIDTH) * 0.02)
        nn.init.normal_(self.tokens.weight, std=0.02)
        blocks = [m for _ in range(12) for m in (Attention(), FeedForward())]
        self.body = nn.Sequential(*blocks, nn.LayerNorm(WIDTH))

    def forward(self, ids):
        x = self.body(self.tokens(ids) + self.positions)
        return functional.linear(x, self.tokens.weight).flatten(0, 1)


# How it is made, samples of a batch, in bfloat16.
MODELS = {"mlp": (mlp, 4096, True), "resnet": (resnet, 512, False), "resnet-bf16": (resnet, 512, True),
          "gpt": (Gpt, 8, True)}


class Training:
    def __init__(self, name, device, settings):
        make, self.samples, bf16 = MODELS[name]
        torch.manual_seed(1)
        self.device = device
        self.model = make().to(device)
        if name == "gpt":
            self.features = torch.randint(VOCABULARY, (self.samples, CONTEXT), device=device)
            self.labels = torch.randint(VOCABULARY, (self.samples * CONTEXT,), device=device)
        else:
            shape = (4096,) if name == "mlp" else (3, 32, 32)
            self.features = torch.rand(self.samples, *shape, device=device) * 2 - 1
            self.labels = torch.randint(1000 if name == "mlp" else 10, (self.samples,), device=device)
        if settings.get("channels_last"):
            self.model = self.model.to(memory_format=torch.channels_last)
            self.features = self.features.contiguous(memory_format=torch.channels_last)
        self.autocast = bf16 and settings["bf16"] == "autocast"
        if bf16 and not self.autocast:
            self.model = self.model.to(torch.bfloat16)
            if name != "gpt":
                self.features = self.features.to(torch.bfloat16)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.01, **{settings["loop"]: True})

    def step(self):
        self.optimizer.zero_grad(set_to_none=True)
        cast = torch.autocast(self.device, torch.bfloat16) if self.autocast else contextlib.nullcontext()
        with cast:
            loss = functional.cross_entropy(self.model(self.features), self.labels)
        loss.backward()
        self.optimizer.step()
        return loss

    def rate(self, seconds):
        """Samples a second, after five steps that do not count."""
        for _ in range(5):
            self.step()
        finish(self.device)
        begin, steps = time.perf_counter(), 0
        while time.perf_counter() - begin < seconds:
            for _ in range(5):
                loss = self.step()
            steps += 5
            finish(self.device)
        elapsed = time.perf_counter() - begin
        assert math.isfinite(loss.item())
        return steps * self.samples / elapsed


def finish(device):
    if device == "cuda":
        torch.cuda.synchronize()


def settings_of(name):
    choices = {"loop": ("foreach", "fused")}
    if MODELS[name][2]:
        choices["bf16"] = ("autocast", "weights")
    if name.startswith("resnet"):
        choices["channels_last"] = (True, False)
    return [dict(zip(choices, values)) for values in itertools.product(*choices.values())]


def fastest(name, device):
    def tried(settings):
        try:
            return Training(name, device, settings).rate(1)
        except (RuntimeError, ValueError):  # what this PyTorch has not
            return 0
    return max(settings_of(name), key=tried)


def matrix_tflops(device):
    """Of a product of bfloat16 alone."""
    side = 8192 if device == "cuda" else 256
    x, w = (torch.rand(side, side, device=device).to(torch.bfloat16) * 2 - 1 for _ in range(2))
    for _ in range(3):
        x @ w
    finish(device)
    begin, products = time.perf_counter(), 0
    while time.perf_counter() - begin < 0.5:
        for _ in range(4):
            x @ w
        products += 4
        finish(device)
    return 2 * side ** 3 * products / (time.perf_counter() - begin) * 1e-12


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("seconds", type=float)
    parser.add_argument("--remember")
    parser.add_argument("--device", default="cuda")
    args = parser.parse_args()
    settings = None
    if args.remember and os.path.exists(args.remember):
        with open(args.remember) as file:
            settings = json.load(file)
    if settings is None:
        settings = fastest(args.model, args.device)
        if args.remember:
            with open(args.remember, "w") as file:
                json.dump(settings, file)
    matrix = matrix_tflops(args.device)
    rate = Training(args.model, args.device, settings).rate(args.seconds)
    print(json.dumps({"samples_per_second": rate, "matrix_tflops": matrix, "settings": settings}))


main()
