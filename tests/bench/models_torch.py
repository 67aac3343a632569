#!/usr/bin/python3
"""The models of tests/bench/models in PyTorch, as its users would train them: data in memory, one thread a process.

  models_torch.py MODEL SECONDS [RANKS] --data DIR [--remember FILE]    -> {"samples_per_second": N, "settings": {...}}

MODEL: lenet, resnet or gpt; of gpt a sample is a token. RANKS above 1: DistributedDataParallel over gloo, a process and a
whole batch (128 images, 16 windows) a rank. DIR has mnist/ and tinyshakespeare/ as deploy/fetch-data leaves them.
Each setting that may help is tried for a second, and the fastest is measured: memory format of images, how attention is
written, the optimizer's loop (foreach), DDP's size of a bucket in MB; with --remember the width of PyTorch's own loops too
(ATEN_CPU_CAPABILITY), and what was found is kept in FILE for the runs after.
"""
import argparse
import gzip
import json
import math
import os
import subprocess
import sys
import tempfile
import time

import numpy
import torch
from torch import nn
from torch.nn import functional

IMAGES_A_BATCH, WINDOWS_A_BATCH, CONTEXT = 128, 16, 128


def lenet(**_):
    return nn.Sequential(
        nn.Conv2d(1, 20, 5), nn.MaxPool2d(2), nn.Conv2d(20, 50, 5), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(800, 500), nn.ReLU(inplace=True), nn.Linear(500, 10))


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


def resnet(**_):
    layers = [nn.Conv2d(1, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True)]
    channels = 16
    for out in (16, 32, 64):
        layers += [Block(channels, out, 1 if out == 16 else 2), Block(out, out, 1)]
        channels = out
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


class Attention(nn.Module):
    def __init__(self, width, heads, attention):
        super().__init__()
        self.heads, self.attention = heads, attention
        self.norm, self.qkv, self.out = nn.LayerNorm(width), nn.Linear(width, 3 * width), nn.Linear(width, width)
        hidden = torch.full((CONTEXT, CONTEXT), -math.inf).triu(1)
        self.register_buffer("hidden", hidden, persistent=False)

    def forward(self, x):
        rows, length, width = x.shape
        head = width // self.heads
        qkv = self.qkv(self.norm(x)).view(rows, length, 3, self.heads, head)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).reshape(3, rows * self.heads, length, head).unbind(0)
        if self.attention == "baddbmm":
            scores = torch.baddbmm(self.hidden, q, k.transpose(1, 2), alpha=head ** -0.5)
        else:
            scores = torch.bmm(q * head ** -0.5, k.transpose(1, 2)).add_(self.hidden)
        y = torch.bmm(functional.softmax(scores, dim=-1), v)
        return x + self.out(y.view(rows, self.heads, length, head).transpose(1, 2).reshape(rows, length, width))


class FeedForward(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.body = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU("tanh"),
                                  nn.Linear(4 * width, width))

    def forward(self, x):
        return x + self.body(x)


class Gpt(nn.Module):
    def __init__(self, attention, width=128, heads=4, layers=4, vocabulary=256):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Parameter(torch.randn(CONTEXT, width) * 0.02)
        blocks = [m for _ in range(layers) for m in (Attention(width, heads, attention), FeedForward(width))]
        self.body = nn.Sequential(*blocks, nn.LayerNorm(width), nn.Linear(width, vocabulary))

    def forward(self, ids):
        return self.body(self.tokens(ids) + self.positions).flatten(0, 1)


def gpt(attention, **_):
    return Gpt(attention)


class Images:
    """MNIST as float32 images, drawn without repetition."""

    samples = IMAGES_A_BATCH

    def __init__(self, folder, channels_last):
        def read(name, header):
            with gzip.open(os.path.join(folder, "mnist", name + ".gz")) as file:
                return numpy.frombuffer(file.read(), numpy.uint8, offset=header)
        images = torch.from_numpy(read("train-images-idx3-ubyte", 16).copy()).view(-1, 1, 28, 28).float() / 255
        self.images = images.contiguous(memory_format=torch.channels_last) if channels_last else images
        self.labels = torch.from_numpy(read("train-labels-idx1-ubyte", 8).astype(numpy.int64))
        self.order, self.at = torch.randperm(len(self.labels)), 0

    def next(self):
        if self.at + self.samples > len(self.order):
            self.order, self.at = torch.randperm(len(self.labels)), 0
        rows = self.order[self.at:self.at + self.samples]
        self.at += self.samples
        return self.images[rows], self.labels[rows]


class Text:
    """Windows of tinyshakespeare's bytes."""

    samples = WINDOWS_A_BATCH * CONTEXT

    def __init__(self, folder, _):
        with open(os.path.join(folder, "tinyshakespeare", "input.txt"), "rb") as file:
            text = file.read()
        self.bytes = torch.tensor(list(text[:len(text) * 9 // 10]))
        self.window = torch.arange(CONTEXT + 1)

    def next(self):
        starts = torch.randint(len(self.bytes) - CONTEXT, (WINDOWS_A_BATCH, 1))
        windows = self.bytes[starts + self.window]
        return windows[:, :-1], windows[:, 1:].flatten()


MODELS = {
    "lenet": (lenet, Images, {"channels_last": (True, False)}),
    "resnet": (resnet, Images, {"channels_last": (True, False)}),
    "gpt": (gpt, Text, {"attention": ("bmm", "baddbmm")}),
}


class Training:
    def __init__(self, name, folder, ranks, settings):
        make, data, _ = MODELS[name]
        torch.manual_seed(1)
        channels_last = settings.get("channels_last", False)
        self.data = data(folder, channels_last)
        self.model = make(**settings)
        if channels_last:
            self.model = self.model.to(memory_format=torch.channels_last)
        foreach = settings["foreach"]
        if name == "gpt":
            self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-3, weight_decay=0.1, foreach=foreach)
        else:
            self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.02, momentum=0.9, foreach=foreach)
        if ranks > 1:
            self.model = nn.parallel.DistributedDataParallel(
                self.model, gradient_as_bucket_view=True, broadcast_buffers=False, static_graph=True,
                bucket_cap_mb=settings["bucket"])

    def step(self):
        features, labels = self.data.next()
        self.optimizer.zero_grad(set_to_none=True)
        loss = functional.cross_entropy(self.model(features), labels)
        loss.backward()
        self.optimizer.step()
        return loss

    def rate(self, steps):
        """Samples a second of this process over so many steps."""
        begin = time.perf_counter()
        for _ in range(steps):
            loss = self.step()
        seconds = time.perf_counter() - begin
        assert math.isfinite(loss.item())
        return steps * self.data.samples / seconds


def agreed(value, ranks):
    """The mean over the ranks, so that all decide alike."""
    if ranks == 1:
        return value
    mean = torch.tensor(value, dtype=torch.float64)
    torch.distributed.all_reduce(mean)
    return mean.item() / ranks


def measured(args, settings, seconds):
    """Samples a second of all ranks, after ten steps that do not count."""
    training = Training(args.model, args.data, args.ranks, settings)
    steps = max(2, int(seconds * agreed(training.rate(10), args.ranks) / training.data.samples))
    return agreed(training.rate(steps), args.ranks) * args.ranks


def train(rank, args, meeting):
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    if args.ranks > 1:
        torch.distributed.init_process_group("gloo", init_method="file://" + meeting, rank=rank, world_size=args.ranks)
    trials = dict(MODELS[args.model][2], foreach=(False, True), bucket=(25, 1) if args.ranks > 1 else (25,))
    settings = args.settings or {key: values[0] for key, values in trials.items()}
    best = 0 if args.settings else measured(args, settings, 1)
    for key, values in {} if args.settings else trials.items():   # one after the other, with the best of those before
        for value in values[1:]:
            rate = measured(args, dict(settings, **{key: value}), 1)
            if rate > best:
                best, settings[key] = rate, value
    rate = measured(args, settings, args.seconds)
    if rank == 0:
        print(json.dumps({"samples_per_second": round(rate, 1), "settings": settings}), flush=True)


def best_settings(args):
    """What the fastest of short runs had, of each width of vectors that PyTorch has loops for and this CPU has."""
    with open("/proc/cpuinfo", encoding="ascii") as file:
        flags = file.read().split()
    found = []
    for loops, flag in (("avx2", "avx2"), ("avx512", "avx512f")):
        if flag in flags:
            environment = dict(os.environ, ATEN_CPU_CAPABILITY=loops)
            told = subprocess.run([sys.executable, __file__, args.model, "2", str(args.ranks), "--data", args.data],
                                  env=environment, stdout=subprocess.PIPE, check=True).stdout
            found.append(dict(json.loads(told), loops=loops))
    return max(found, key=lambda run: run["samples_per_second"]) if found else {}


def remembered(args):
    """Trains as the file says, which is written first if it is not there."""
    if not os.path.exists(args.remember):
        best = best_settings(args)
        with open(args.remember, "w", encoding="ascii") as file:
            json.dump(best, file)
    with open(args.remember, encoding="ascii") as file:
        best = json.load(file)
    environment = dict(os.environ)
    if "loops" in best:
        environment["ATEN_CPU_CAPABILITY"] = best["loops"]
    command = [sys.executable, __file__, args.model, str(args.seconds), str(args.ranks), "--data", args.data]
    os.execve(sys.executable, command + ["--settings", json.dumps(best.get("settings"))], environment)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("seconds", type=float)
    parser.add_argument("ranks", type=int, nargs="?", default=1)
    parser.add_argument("--data", required=True)
    parser.add_argument("--settings", type=json.loads)
    parser.add_argument("--remember")
    args = parser.parse_args()
    if args.remember:
        remembered(args)
    if args.ranks == 1:
        train(0, args, "")
        return
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(train, (args, os.path.join(folder, "meeting")), args.ranks)


if __name__ == "__main__":
    main()
