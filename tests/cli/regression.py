"""A regression of 24 features, of which 6 matter.

regression.py new MODEL TARGET                    weights to start from, and what they are trained to
regression.py train WEIGHTS MASK TARGET OUTPUT    200 steps down the gradient
regression.py loss WEIGHTS                        on other data
"""
import sys

import numpy as np

FEATURES, RELEVANT = 24, 6


def data(seed):
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 2, (150, FEATURES)).astype(np.float64)
    y = x[:, :RELEVANT] @ np.arange(1, RELEVANT + 1) + 3 + 0.5 * rng.normal(size=150)
    return x, y


def train(weights, mask, target, output):
    x, y = data(1)[0], np.load(target)
    model, masks = dict(np.load(weights)), dict(np.load(mask))
    w, b = model["w"].astype(np.float64), model["b"].astype(np.float64)
    for _ in range(200):
        error = x @ w[:, 0] + b - y
        w[:, 0] -= 0.05 * (x.T @ error) / len(y)
        w *= masks["w"]
        b -= 0.05 * error.mean()
    np.savez(output, w=w.astype(np.float32), b=b.astype(np.float32))


def main(job, *files):
    if job == "new":
        start = np.random.default_rng(3).normal(0, 0.3, (FEATURES, 1)).astype(np.float32)
        np.savez(files[0], w=start, b=np.zeros(1, np.float32))
        np.save(files[1], data(1)[1])
    elif job == "train":
        train(*files)
    else:
        (x, y), model = data(2), np.load(files[0])
        print("loss", np.mean((x @ model["w"][:, 0] + model["b"] - y) ** 2))


main(*sys.argv[1:])
