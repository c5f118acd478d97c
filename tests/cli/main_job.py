#!/usr/bin/env python3
"""What the program promises, as a person would use it. Usage: main_job.py WQUANT

Every test works in a new folder that holds model.npz alone.
"""

import hashlib
import json
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

try:
    import numpy as np
except ImportError:
    print("numpy is not installed: skipped")
    sys.exit(77)

WQUANT = ""
QUANTIZED = ("conv.weight", "fc.weight", "half.weight", "double.weight")
SAFETENSORS_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "U8": "u1"}


def model_arrays():
    rng = np.random.default_rng(7)
    return {
        "conv.weight": rng.normal(0, 0.1, (8, 4, 3, 3)).astype(np.float32),
        "fc.weight": rng.laplace(0, 0.05, (32, 40)).astype(np.float32),
        "fc.bias": rng.normal(0, 1, 16).astype(np.float32),
        "half.weight": rng.normal(0, 1, (10, 12)).astype(np.float16),
        "double.weight": rng.normal(0, 1, (7, 9)),
        "steps": np.array(1000, dtype=np.int64),
    }


def read_safetensors(path):
    """Tensors by name, by the published layout of the file alone."""
    data = pathlib.Path(path).read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + size])
    header.pop("__metadata__", None)
    arrays = {}
    for name, entry in header.items():
        begin, end = (8 + size + offset for offset in entry["data_offsets"])
        dtype = SAFETENSORS_DTYPES[entry["dtype"]]
        arrays[name] = np.frombuffer(data[begin:end], dtype).reshape(entry["shape"])
    return arrays


def digests():
    files = (path for path in sorted(pathlib.Path(".").rglob("*")) if path.is_file())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


class Program(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="wquant-")
        os.chdir(self.folder)
        self.arrays = model_arrays()
        np.savez("model.npz", **self.arrays)

    def tearDown(self):
        os.chdir("/")
        shutil.rmtree(self.folder)

    def run_wquant(self, *arguments, code=0, **options):
        done = subprocess.run([WQUANT, *arguments], capture_output=True, text=True, timeout=100,
                              stdin=subprocess.DEVNULL, **options)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def report_of(self, *arguments):
        return json.loads(self.run_wquant(*arguments, "--json").stdout)

    def settings_of(self, *arguments):
        """Settings of every quantized tensor by its name."""
        tensors = self.report_of("model.npz", "--dry-run", *arguments)["tensors"]
        return {tensor["name"]: tensor for tensor in tensors if tensor["quantized"]}

    def dequantized(self, out):
        self.run_wquant("-q", "model.npz", "-o", "packed.safetensors", "--force")
        self.run_wquant("dequantize", "-q", "packed.safetensors", "-o", out)

    def check_model(self, arrays):
        """`arrays` stand for model.npz: names, shapes and dtypes are the same, what was kept is
        unchanged, and the rest correlates with it."""
        self.assertEqual(list(arrays), list(self.arrays))
        for name, original in self.arrays.items():
            array = arrays[name]
            self.assertEqual((array.shape, array.dtype), (original.shape, original.dtype), name)
            if name in QUANTIZED:
                rho = np.corrcoef(array.ravel().astype(float), original.ravel().astype(float))
                self.assertGreater(rho[0, 1], 0.98, name)
                self.assertLessEqual(len(np.unique(array)), 16, name)
            else:
                np.testing.assert_array_equal(array, original, name)


class Quantize(Program):
    def test_main_job_writes_the_packed_file_and_its_report(self):
        done = self.run_wquant("--bits", "3", "--mode", "exp", "model.npz")
        self.assertEqual(sorted(os.listdir()),
                         ["model.exp3.report.json", "model.exp3.safetensors", "model.npz"])
        report = json.loads(pathlib.Path("model.exp3.report.json").read_text())
        self.assertEqual(report["totals"]["file_bytes"], os.path.getsize("model.exp3.safetensors"))
        for name in QUANTIZED:
            self.assertIn(name, done.stdout)
        self.assertLessEqual(max(map(len, done.stdout.splitlines())), 100)
        self.assertNotIn("\x1b", done.stdout + done.stderr)

    def test_correlation_of_the_report_is_that_of_the_levels(self):
        report = self.report_of("model.npz", "--bits", "3")
        stored = read_safetensors("model.exp3.safetensors")
        for tensor in report["tensors"]:
            if not tensor["quantized"]:
                continue
            weights = self.arrays[tensor["name"]].astype(np.float32).ravel().astype(float)
            stream = np.unpackbits(stored[tensor["name"] + ".codes"], bitorder="little")
            codes = stream[: 3 * len(weights)].reshape(-1, 3) @ [1, 2, 4]
            levels = stored[tensor["name"] + ".levels"].astype(float)
            rho = np.corrcoef(weights, levels[codes])[0, 1]
            self.assertAlmostEqual(rho, tensor["rho"], 6, tensor["name"])

    def test_kept_tensors_stay_as_they_are_and_have_a_reason(self):
        report = self.report_of("model.npz")
        reasons = {t["name"]: t["kept_reason"] for t in report["tensors"] if not t["quantized"]}
        self.assertEqual(reasons, {"fc.bias": "1 dimension", "steps": "integer (I64)"})
        stored = read_safetensors("model.exp4.safetensors")
        for name in reasons:
            np.testing.assert_array_equal(stored[name], self.arrays[name])

    def test_dry_run_knows_the_size_and_writes_nothing(self):
        for arguments in (["--bits", "2"], ["--bits", "8", "--mode", "linear"], ["--all"]):
            plan = self.report_of("model.npz", "--dry-run", *arguments)["totals"]
            self.assertEqual(os.listdir(), ["model.npz"])
            self.run_wquant("-q", "model.npz", "-o", "out.safetensors", *arguments)
            self.assertEqual(plan["file_bytes"], os.path.getsize("out.safetensors"))
            os.remove("out.safetensors")
            os.remove("out.report.json")

    def test_set_changes_some_tensors_and_the_last_match_wins(self):
        settings = self.settings_of("--bits", "2", "--set", "weight:bits=5,mode=linear",
                                    "--set", "^fc:bits=6", "--set", "half:mode=exp,ratio=1.5")
        self.assertEqual((settings["fc.weight"]["bits"], settings["fc.weight"]["mode"]),
                         (6, "linear"))
        self.assertEqual((settings["half.weight"]["bits"], settings["half.weight"]["mode"]),
                         (5, "exp"))
        self.assertEqual(settings["half.weight"]["ratio_rule"], "fixed")
        self.assertEqual(settings["conv.weight"]["bits"], 5)

    def test_include_exclude_and_all_choose_tensors(self):
        self.assertEqual(list(self.settings_of("--include", "^(fc|conv)", "--exclude", "conv")),
                         ["fc.weight"])
        self.assertIn("fc.bias", self.settings_of("--all"))

    def test_every_mode_and_width_passes_verify(self):
        for mode in ("exp", "linear"):
            for bits in range(1, 9):
                out = f"{mode}{bits}.safetensors"
                self.run_wquant("-q", "--mode", mode, "--bits", str(bits), "model.npz", "-o", out)
                self.run_wquant("verify", "-q", out, "--min-correlation", "0.7")

    def test_same_bytes_in_every_run_with_any_number_of_threads(self):
        seen = set()
        for threads in ("1", "2", "7", "0"):
            self.run_wquant("-q", "model.npz", "--force", "--threads", threads)
            seen.add(tuple(sorted(digests().items())))
        self.assertEqual(len(seen), 1)

    def test_force_replaces_what_is_there(self):
        self.run_wquant("-q", "model.npz")
        first = digests()
        self.run_wquant("-q", "model.npz", code=1)
        self.assertEqual(digests(), first)
        pathlib.Path("model.exp4.safetensors").write_text("old")
        self.run_wquant("-q", "model.npz", "--force")
        self.assertEqual(digests(), first)

    def test_nonfinite_keep_keeps_the_tensor_whole(self):
        self.arrays["fc.weight"][3, 4] = np.inf
        np.savez("model.npz", **self.arrays)
        report = self.report_of("model.npz", "--nonfinite", "keep")
        tensor = next(t for t in report["tensors"] if t["name"] == "fc.weight")
        self.assertIn("not finite", tensor["kept_reason"])
        stored = read_safetensors("model.exp4.safetensors")
        np.testing.assert_array_equal(stored["fc.weight"], self.arrays["fc.weight"])

    def test_model_with_nothing_to_quantize_is_kept(self):
        np.savez("model.npz", bias=self.arrays["fc.bias"])
        self.run_wquant("-q", "model.npz")
        self.run_wquant("verify", "-q", "model.exp4.safetensors")

    def test_flat_and_tiny_tensors_are_quantized(self):
        np.savez("model.npz", zeros=np.zeros((4, 4), np.float32), one=np.ones((1, 1), np.float32),
                 same=np.full((3, 5), -0.25, np.float32))
        self.run_wquant("-q", "model.npz")
        self.run_wquant("dequantize", "-q", "model.exp4.safetensors")
        back = np.load("model.exp4.npz")
        np.testing.assert_array_equal(back["zeros"], np.zeros((4, 4)))
        np.testing.assert_allclose(back["same"], np.full((3, 5), -0.25), rtol=1e-6)


class Talk(Program):
    def test_quiet_says_nothing(self):
        done = self.run_wquant("-q", "model.npz")
        self.assertEqual((done.stdout, done.stderr), ("", ""))

    def test_json_is_the_report_and_nothing_else(self):
        printed = self.run_wquant("model.npz", "--json").stdout
        self.assertEqual(printed, pathlib.Path("model.exp4.report.json").read_text())
        for arguments in (["verify", "model.exp4.safetensors"],
                          ["inspect", "model.exp4.safetensors"], ["inspect", "model.npz"],
                          ["formats"]):
            self.assertTrue(self.report_of(*arguments))

    def test_help_tells_commands_and_exit_codes(self):
        text = self.run_wquant("--help").stdout
        for word in ("quantize", "dequantize", "inspect", "verify", "formats", "Exit codes", "130"):
            self.assertIn(word, text)
        for command in ("quantize", "dequantize", "inspect", "verify", "formats"):
            self.assertIn("Usage: wquant " + command, self.run_wquant(command, "--help").stdout)

    def test_lost_standard_output_is_a_failure(self):
        for redirection in (">&-", ">/dev/full"):
            for command in ("formats", "inspect model.npz", "model.npz --dry-run"):
                done = subprocess.run(f'"{WQUANT}" {command} {redirection}', shell=True,
                                      stderr=subprocess.PIPE, text=True)
                self.assertEqual(done.returncode, 1, f"{command} {redirection}")
                self.assertIn("standard output", done.stderr)


class Dequantize(Program):
    def test_default_output_is_an_npz_with_the_same_names_shapes_and_dtypes(self):
        self.run_wquant("-q", "model.npz")
        self.run_wquant("dequantize", "-q", "model.exp4.safetensors")
        with np.load("model.exp4.npz") as archive:
            self.check_model(dict(archive))

    def test_safetensors_hold_the_same_values_as_npz(self):
        self.dequantized("back.npz")
        self.dequantized("back.safetensors")
        stored = read_safetensors("back.safetensors")
        with np.load("back.npz") as archive:
            self.assertEqual(sorted(stored), sorted(archive))
            for name in archive:
                np.testing.assert_array_equal(stored[name], archive[name], name)

    def test_folder_of_npy_holds_the_same_values_as_npz(self):
        self.dequantized("back.npz")
        self.run_wquant("dequantize", "-q", "packed.safetensors", "-o", "back",
                        "--format", "npy-folder")
        files = {str(path.relative_to("back"))[:-4]: path
                 for path in pathlib.Path("back").rglob("*.npy")}
        with np.load("back.npz") as archive:
            self.assertEqual(sorted(files), sorted(archive))
            for name in archive:
                np.testing.assert_array_equal(np.load(files[name]), archive[name], name)

    def test_json_holds_the_same_values_as_npz(self):
        self.dequantized("back.npz")
        self.dequantized("back.json")
        entries = json.loads(pathlib.Path("back.json").read_text())
        with np.load("back.npz") as archive:
            self.assertEqual(list(entries), list(archive))
            for name, entry in entries.items():
                dtype = SAFETENSORS_DTYPES[entry["dtype"]]
                self.assertEqual(archive[name].dtype, dtype)
                values = np.array(entry["data"]).astype(dtype).reshape(entry["shape"])
                np.testing.assert_array_equal(values, archive[name], name)

    def test_second_quantization_loses_nothing(self):
        self.dequantized("back.npz")
        self.run_wquant("-q", "back.npz", "--rescale", "none")
        report = json.loads(pathlib.Path("back.exp4.report.json").read_text())
        self.assertGreater(report["totals"]["lowest_rho"], 0.99)


class Interrupt(Program):
    def test_interrupt_leaves_nothing_behind(self):
        weights = np.random.default_rng(1).standard_normal((6000, 6000), dtype=np.float32)
        np.save("big.npy", weights)
        before = sorted(os.listdir())
        for number in (signal.SIGINT, signal.SIGTERM):
            child = subprocess.Popen([WQUANT, "big.npy"], stdout=subprocess.PIPE,
                                     stderr=subprocess.PIPE)
            while sorted(os.listdir()) == before and child.poll() is None:
                time.sleep(0.002)
            child.send_signal(number)
            _, stderr = child.communicate(timeout=100)
            self.assertEqual(child.returncode, 130, stderr)
            self.assertIn(b"interrupted", stderr)
            self.assertEqual(sorted(os.listdir()), before)


if __name__ == "__main__":
    WQUANT = os.path.abspath(sys.argv.pop(1))
    unittest.main()
