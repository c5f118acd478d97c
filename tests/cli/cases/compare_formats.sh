# A command gets a file of the input's format that opens, of a model in shards its index.
wquant dequantize -q quantized.safetensors -o parts --shard-size 2kB
eval='echo {} | sed "s/.*[.]//" >>kinds; wquant inspect {} >/dev/null && echo 1'
for input in model.onnx model.safetensors model.json parts/model.safetensors.index.json; do
  wquant compare "$input" --bits 3 --eval "$eval" >/dev/null
done
sort kinds | uniq -c
wquant compare parts --bits 2-3
