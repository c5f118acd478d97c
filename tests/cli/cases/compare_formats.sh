# A command gets a file of the input's format that opens, of a model in shards its index.
eval='echo {} | sed "s/.*[.]//" >>kinds; wquant inspect {} >/dev/null && echo 1'
for input in model.onnx model.safetensors model.json shards/model.safetensors.index.json; do
  wquant compare "$input" --bits 3 --eval "$eval" >/dev/null
done
sort kinds | uniq -c
wquant compare shards --bits 2-3
