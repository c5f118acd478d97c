"""Makes pages of --html in several ways and reads them strictly.

Usage: check_pages.py WQUANT COMPARISON_PAGE FOLDER

The pages stay in FOLDER as *.html.
"""

import array
import json
import random
import re
import shutil
import struct
import subprocess
import sys
import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path

WQUANT = COMPARISON_PAGE = ""
FOLDER = Path()
XHTML = "{http://www.w3.org/1999/xhtml}"
SVG = "{http://www.w3.org/2000/svg}"
# What README and --help promise.
BYTES_A_TENSOR = 10_000
ODD_NAMES = ("<script>alert('1')</script>", "a & \"b\".weight", "bell\x07\x1b[31m.weight",
             "\u202eright to left\ufffe.weight", "very.long." + "name." * 200 + "weight")


def weights(count, seed, zeros=0.0):
    """Numbers with heavy tails, a share of them 0."""
    rng = random.Random(seed)
    scale = 0.02 + 0.1 * rng.random()
    return array.array("f", (0.0 if rng.random() < zeros else
                             scale * rng.gauss(0, 1) * rng.expovariate(1) ** 0.5
                             for _ in range(count)))


def write_model(name, tensors):
    """A safetensors file of tensors: name -> (shape, numbers)."""
    header, data = {}, b""
    for tensor, (shape, numbers) in tensors.items():
        header[tensor] = {"dtype": "F32", "shape": shape,
                          "data_offsets": [len(data), len(data) + 4 * len(numbers)]}
        data += numbers.tobytes()
    text = json.dumps(header).encode()
    (FOLDER / name).write_bytes(struct.pack("<Q", len(text)) + text + data)


def small_model():
    shapes = {"conv1.weight": [8, 3, 3, 3], "conv2.weight": [16, 8, 3, 3], "fc1.weight": [64, 256],
              "fc2.weight": [10, 64], "large.weight": [512, 300]}
    model = {}
    for seed, (name, shape) in enumerate(shapes.items()):
        count = 1
        for extent in shape:
            count *= extent
        model[name] = (shape, weights(count, seed))
    model["fc2.bias"] = ([10], weights(10, 9))
    return model


def quantize(model, page, *options, ok=True):
    """Runs the program; returns what it said on stderr."""
    run = subprocess.run([WQUANT, "-q", model, "-o", "out.safetensors", "--html", page, *options],
                         cwd=FOLDER, capture_output=True, text=True, check=False)
    if ok and run.returncode != 0:
        raise AssertionError(run.stderr)
    return run.stderr


def read(page):
    """The root of a page, which must be well-formed."""
    return ElementTree.fromstring((FOLDER / page).read_text(encoding="utf-8"))


def text_of(element):
    return "".join(element.itertext())


class Pages(unittest.TestCase):
    def check(self, page):
        """What holds for every page; returns its root."""
        root = read(page)
        text = (FOLDER / page).read_text(encoding="utf-8")
        self.assertEqual(root.tag, XHTML + "html")
        self.assertTrue(text_of(root.find(f"{XHTML}head/{XHTML}title")))
        self.assertFalse([e.tag for e in root.iter() if e.tag.rpartition("}")[2] in
                          ("script", "link", "img", "iframe", "object", "embed", "base")])
        urls = set(re.findall(r"\b(?:https?:)?//[^\s\"'<]+", text))
        self.assertLessEqual(urls, {"http://www.w3.org/1999/xhtml", "http://www.w3.org/2000/svg"})
        self.assertNotIn("url(", text)
        self.assertNotIn("@import", text)
        ids = [e.get("id") for e in root.iter() if e.get("id")]
        self.assertEqual(len(ids), len(set(ids)))
        for link in root.iter():
            if link.get("href"):
                self.assertIn(link.get("href").removeprefix("#"), ids)
        for chart in root.iter(SVG + "svg"):
            if chart.get("class") == "chart":
                self.assertTrue(chart.get("aria-label"))
        self.assertNotIn("nan", text_of(root.find(XHTML + "body")).lower().split())
        return root

    def captions(self, root):
        return [text_of(caption) for caption in root.iter(XHTML + "figcaption")]

    def test_has_pictures_of_every_tensor(self):
        write_model("small.safetensors", small_model())
        quantize("small.safetensors", "small.html", "--bits", "3", "--force")
        captions = self.captions(self.check("small.html"))
        self.assertEqual(sum("optimum" in caption for caption in captions), 5)
        self.assertEqual(sum("boundaries" in caption for caption in captions), 5)
        self.assertEqual(sum("Correlation ρ of the weights" in caption for caption in captions), 1)

    def test_every_kind_of_codebook(self):
        write_model("kinds.safetensors", {
            **small_model(), "pruned.weight": ([64, 64], weights(4096, 5, zeros=0.5)),
            "constant.weight": ([4, 4], array.array("f", [0.25] * 16)),
            "zero.weight": ([4, 4], array.array("f", [0.0] * 16)),
            "outlier.weight": ([4, 64], array.array("f", [*weights(255, 3), 90.0]))})
        kinds = {"linear8": ["--bits", "8", "--mode", "linear"],
                 "one_bit": ["--bits", "1", "--mode", "exp"], "kmeans": ["--mode", "kmeans"],
                 "range": ["--ratio", "range"], "full": ["--mode", "linear", "--range", "full"],
                 "channel": ["--granularity", "channel", "--bits", "3"],
                 "group": ["--granularity", "group:32", "--balance", "off"],
                 "entropy": ["--coding", "entropy", "--bits", "3"], "pow2": ["--mode", "pow2"],
                 "size": ["--target-size", "6x", "--mode", "exp,linear"],
                 "all": ["--all", "--search", "exact"]}
        for kind, options in kinds.items():
            with self.subTest(kind):
                quantize("kinds.safetensors", f"{kind}.html", "--force", *options)
                self.check(f"{kind}.html")
        self.assertIn("Bits of a weight's code.", self.captions(read("size.html")))
        self.assertFalse(any("optimum" in c for c in self.captions(read("kmeans.html"))))
        self.assertIn("over its scale", "".join(self.captions(read("group.html"))))

    def test_names_are_masked(self):
        write_model("odd.safetensors", {name: ([4, 32], weights(128, i))
                                        for i, name in enumerate(ODD_NAMES)})
        quantize("odd.safetensors", "odd.html", "--force")
        names = [text_of(e) for e in self.check("odd.html").iter(XHTML + "bdi")]
        self.assertIn("<script>alert('1')</script>", names)
        self.assertIn("bell\\x07\\x1b[31m.weight", names)
        self.assertIn("\u202eright to left\ufffd.weight", names)

    def test_many_tensors_stay_small(self):
        layers = {f"model.layers.{i}.attention.query_projection.weight": ([16, 16], weights(256, i))
                  for i in range(500)}
        write_model("many.safetensors", layers)
        quantize("many.safetensors", "many.html", "--bits", "8", "--force")
        root = self.check("many.html")
        unfolding = [e for e in root.iter(XHTML + "details")]
        self.assertEqual(len(unfolding), 500)
        self.assertFalse([e for e in unfolding if e.get("open")])
        size = (FOLDER / "many.html").stat().st_size
        self.assertLess(size, 500 * BYTES_A_TENSOR)

    def test_is_the_same_for_any_number_of_threads(self):
        write_model("threads.safetensors", {"large.weight": ([1000, 1500], weights(1_500_000, 1)),
                                            **small_model()})
        pages = []
        for threads in "12":
            quantize("threads.safetensors", "threads.html", "--force", "--threads", threads)
            pages.append((FOLDER / "threads.html").read_bytes())
        self.assertEqual(*pages)

    def test_replaces_nothing_unasked(self):
        write_model("careful.safetensors", small_model())
        for name in ("out.safetensors", "out.report.json"):
            (FOLDER / name).unlink(missing_ok=True)
        (FOLDER / "careful.html").write_text("mine")
        self.assertIn("careful.html", quantize("careful.safetensors", "careful.html", ok=False))
        self.assertEqual((FOLDER / "careful.html").read_text(), "mine")
        self.assertFalse((FOLDER / "out.safetensors").exists())
        (FOLDER / "careful.html").unlink()
        quantize("careful.safetensors", "careful.html", "--min-correlation", "0.99999", "--bits",
                 "2", ok=False)
        self.assertFalse((FOLDER / "careful.html").exists())

    def test_comparison(self):
        page = subprocess.run([COMPARISON_PAGE], stdout=subprocess.PIPE, check=True).stdout
        (FOLDER / "comparison.html").write_bytes(page)
        root = self.check("comparison.html")
        self.assertEqual(len(list(root.iter(XHTML + "tr"))), 16)
        captions = " ".join(self.captions(root))
        for what in ("Score against bits", "Score against size", "Mean correlation",
                     "linear, a line for each width", "exp, a line for each width"):
            self.assertIn(what, captions)


if __name__ == "__main__":
    WQUANT, COMPARISON_PAGE = sys.argv[1:3]
    FOLDER = Path(sys.argv[3])
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    unittest.main(argv=sys.argv[:1])
