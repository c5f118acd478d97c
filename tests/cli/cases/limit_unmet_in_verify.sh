# verify tells what it found, then that the limit was not met.
wquant verify quantized.safetensors --min-correlation 0.98 --json
