# Zeros of a pruned tensor stay 0 with a bit mask, in any file that has one, and with a level in an ONNX
# model.
zeros() { wquant inspect "$1" --json | grep -o '"zeros": [0-9]*' | tail -1; }
echo "original $(zeros sparse.npz)"
wquant -q --bits 4 sparse.npz -o a.safetensors
wquant -q --bits 4 --zero off sparse.npz -o off.safetensors
test "$(stat -c %s a.safetensors)" -lt "$(stat -c %s off.safetensors)" && echo smaller
wquant verify a.safetensors --against sparse.npz
for threads in 1 3; do
  for kernels in scalar ''; do
    WQUANT_KERNELS=$kernels wquant -q --force --bits 4 --threads $threads sparse.npz -o b.safetensors
    cmp a.safetensors b.safetensors
  done
done
wquant inspect a.safetensors
wquant dequantize -q a.safetensors -o a.npz
echo "mask $(zeros a.npz)"

quantize() {
  wquant -q "$@" sparse.npz
  wquant verify "$4" >/dev/null
  wquant dequantize -q --force "$4" -o q.npz
  echo "$1 $2 $(zeros q.npz)"
}
quantize --granularity channel -o by_channel.safetensors
quantize --granularity group:50 -o by_group.safetensors
quantize --coding entropy -o by_entropy.safetensors
quantize --target-size 9x -o by_size.safetensors
quantize --target-size 8x -o by_file --shard-size 5kB

wquant -q --bits 4 sparse.npz --shard-size 5kB -o pieces
wquant dequantize -q pieces -o pieces.npz
cmp pieces.npz a.npz && echo "same weights"
grep -o '"file_bytes": [0-9]*' pieces.report.json | grep -x "\"file_bytes\": $(cat pieces/* | wc -c)"
wquant --dry-run --target-size 9x sparse.npz -o plan.safetensors
wquant compare sparse.npz --bits 4 --mode exp
wquant -q --bits 4 sparse.onnx -o small.onnx
wquant verify small.onnx
wquant dequantize -q small.onnx -o back.npz
echo "onnx $(zeros back.npz) $(grep -c zero_level small.report.json)"
wquant -q --force --bits 4 sparse.npz --html page.html -o a.safetensors
grep -c 'a bit mask' page.html
