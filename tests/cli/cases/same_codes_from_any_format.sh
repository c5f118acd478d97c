# The same weights give the same quantized file whatever format they come in.
for format in npz pytorch; do
  wquant dequantize -q quantized.safetensors --format $format
done
wquant -q --bits 2 quantized.npz -o npz.safetensors
wquant -q --bits 2 quantized.pt -o pt.safetensors
cmp npz.safetensors pt.safetensors && echo same
echo '{"weight_map": {"w": "model.safetensors"}}' >m.safetensors.index.json
wquant -q model.safetensors -o one.safetensors
wquant -q m.safetensors.index.json -o shards.safetensors
cmp one.safetensors shards.safetensors && echo same shards
