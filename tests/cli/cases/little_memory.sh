# Where memory is short, threads that cannot be started are done without, and the rest is a message.
wquant -q --bits 3 big.npz -o plain.safetensors
(ulimit -s 1000000 -v 2500000 && wquant -q --bits 3 --threads 8 big.npz -o fewer.safetensors)
cmp plain.safetensors fewer.safetensors && echo "same bytes"
code=0
(ulimit -v 150000 && wquant -q --bits 3 --threads 64 big.npz -o none.safetensors) || code=$?
echo "short $code"
truncate -s 3G large.json
code=0
(ulimit -v 1000000 && wquant inspect large.json) || code=$?
echo "large $code"
test -e none.safetensors || test -n "$(find . -name '.wquant-*')" || echo clean
# Of a large file little is in memory at a time, even where channels lie inside and every one of them
# reaches through the whole of it.
/usr/bin/env python3 - <<'END'
import resource
import subprocess

shape = (24576, 1024)
pattern = b"".join(bytes([i % 251, i * i % 253, 0, 60 + i % 3]) for i in range(shape[1]))
with open("large.npy", "wb") as file:
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    file.write(b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little") + header.encode())
    for _ in range(shape[0]):
        file.write(pattern)
for granularity in ["tensor", "channel:0", "channel:1", "group:64"]:
    subprocess.run(["wquant", "-q", "--granularity", granularity, "--balance", "off", "--threads", "1",
                    "large.npy", "-o", "large.safetensors", "--force"], check=True)
most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
print("at most 72 MiB" if most <= 72 else f"{most:.0f} MiB")
END
