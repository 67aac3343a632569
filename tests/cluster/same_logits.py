"""For tests/cluster/same_logits: makes data, and computes exported models with PyTorch.

same_logits.py data FOLDER                         writes images.npy, labels.npy, input.txt
same_logits.py lenet|gpt WEIGHTS INPUT LOGITS.npy  exits with 1 if a logit differs by more than 1e-5
"""
import json
import struct
import sys

import numpy
import torch
import torch.nn.functional as F

CONTEXT, LAYERS, WIDTH, HEADS = 32, 2, 64, 4


def make_data(folder):
    random = numpy.random.default_rng(7)
    labels = random.integers(0, 10, 300)
    images = random.normal(0, 0.3, (300, 1, 28, 28))
    for image, label in zip(images, labels):
        image[0, 2 * label : 2 * label + 6, 5:20] += 1
    numpy.save(folder + "/images.npy", images.astype("<f4"))
    numpy.save(folder + "/labels.npy", labels.astype("<i4"))
    words = ["be", "not", "or", "question", "that", "the", "to", "is", "\n"]
    text = " ".join(words[i] for i in random.integers(0, len(words), 1500))
    with open(folder + "/input.txt", "w", encoding="utf-8") as file:
        file.write(text)


def read_safetensors(path):
    with open(path, "rb") as file:
        raw = file.read()
    length = struct.unpack("<Q", raw[:8])[0]
    tensors = {}
    for name, entry in json.loads(raw[8 : 8 + length]).items():
        if name == "__metadata__":
            continue
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        values = numpy.frombuffer(raw[begin:end], "<f4").reshape(entry["shape"])
        tensors[name] = torch.from_numpy(values.copy())
    return tensors


class Weights:
    """Of the layer at a place in the job's list."""

    def __init__(self, tensors):
        self.tensors, self.used = tensors, set()

    def __call__(self, name):
        self.used.add(name)
        return self.tensors[name]

    def pair(self, place):
        return self(place + ".weight"), self(place + ".bias")


def lenet(weights, path):
    x = torch.from_numpy(numpy.load(path))
    x = F.max_pool2d(F.conv2d(x, *weights.pair("0")), 2)
    x = F.max_pool2d(F.conv2d(x, *weights.pair("2")), 2)
    x = F.relu(F.linear(x.flatten(1), *weights.pair("5")))
    return F.linear(x, *weights.pair("7"))


def norm(weights, place, x):
    return F.layer_norm(x, (WIDTH,), weights(place + ".weight"), weights(place + ".bias"), 1e-5)


def attention(weights, place, x):
    rows, length, _ = x.shape
    qkv = F.linear(x, *weights.pair(place + ".qkv"))
    q, k, v = (part.view(rows, length, HEADS, -1).transpose(1, 2) for part in qkv.split(WIDTH, 2))
    scores = q @ k.transpose(2, 3) / (WIDTH // HEADS) ** 0.5
    ahead = torch.triu(torch.ones(length, length, dtype=torch.bool), 1)
    shares = scores.masked_fill(ahead, float("-inf")).softmax(3)
    mixed = (shares @ v).transpose(1, 2).reshape(rows, length, WIDTH)
    return F.linear(mixed, *weights.pair(place + ".out"))


def gpt(weights, path):
    with open(path, "rb") as file:
        text = file.read()
    windows = (len(text) - CONTEXT - 1) // CONTEXT + 1
    ids = torch.tensor([list(text[i * CONTEXT : (i + 1) * CONTEXT]) for i in range(windows)])
    x = F.embedding(ids, weights("0.weight")) + weights("1.weight")
    for layer in range(LAYERS):
        block = f"2.{layer}."
        x = x + attention(weights, block + "0.body.1", norm(weights, block + "0.body.0", x))
        hidden = F.linear(norm(weights, block + "1.body.0", x), *weights.pair(block + "1.body.1"))
        hidden = 0.5 * hidden * (1 + torch.tanh(0.7978845608028654 * (hidden + 0.044715 * hidden**3)))
        x = x + F.linear(hidden, *weights.pair(block + "1.body.3"))
    return F.linear(norm(weights, "3", x), *weights.pair("4"))


def main():
    if sys.argv[1] == "data":
        return make_data(sys.argv[2])
    weights = Weights(read_safetensors(sys.argv[2]))
    torch.set_num_threads(1)
    with torch.no_grad():
        theirs = {"lenet": lenet, "gpt": gpt}[sys.argv[1]](weights, sys.argv[3]).numpy()
    ours = numpy.load(sys.argv[4])
    unused = set(weights.tensors) - weights.used
    if ours.shape != theirs.shape or unused:
        sys.exit(f"shapes {ours.shape} and {theirs.shape}, tensors that nobody used: {unused}")
    difference = float(numpy.abs(ours - theirs).max())
    print(f"{ours.shape} logits up to {numpy.abs(ours).max():.3g} differ by {difference:.2g} at most")
    return 1 if difference > 1e-5 else 0


if __name__ == "__main__":
    sys.exit(main())
