# The figures of a quantized file are measured again beside the model that it was made from; another
# model, or one that was changed since, is noticed.
wquant -q model.npz -o q.safetensors --bits 3 --set 'half.*:coding=entropy' --set 'fc.*:coding=f16'
wquant verify q.safetensors --against model.npz
wquant verify q.safetensors --against model.npz --json | grep -A 2 '"tensors": \['
cat >one.json <<'JSON'
{"w": [[0.1, 0.5, -0.3], [0.75, 0.3, -1]], "b": [1, 2]}
JSON
sed 's/0.75/0.85/' one.json >other.json
sed 's/\[1, 2\]/[1, 3]/' one.json >kept.json
sed 's/"w"/"v"/' one.json >renamed.json
sed 's/, "b": \[1, 2\]//' one.json >fewer.json
wquant -q one.json -o one.safetensors --bits 2
for model in one other kept renamed fewer; do
  code=0
  wquant verify -q one.safetensors --against $model.json || code=$?
  echo "$model $code"
done
# Rows a millionth of others, whose scales are stored with few bits, and weights that are all the same.
cat >far.json <<'JSON'
{"rows": [[1, -1, 1, -1], [1.1774e-06, -1.1774e-06, 1.1774e-06, -1.1774e-06], [3.1e-8, -3.1e-8, 3.1e-8, 3.1e-8]],
 "same": [[0.1, 0.1, 0.1], [0.1, 0.1, 0.1]]}
JSON
wquant -q far.json -o far.safetensors --mode fixed --bits 2 --granularity channel --balance off
wquant verify -q far.safetensors --against far.json
wquant -q far.json -o far.safetensors --force --bits 1 --granularity channel --rescale none --balance off
wquant verify -q far.safetensors --against far.json
echo "far 0"
