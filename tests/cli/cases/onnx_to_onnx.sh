# A quantized ONNX model has the size that the dry run told, its report lies beside it, and the float
# model is written like the original.
told=$(wquant --bits 3 model.onnx -o small.onnx --dry-run --json | grep -o '"file_bytes": [0-9]*')
wquant -q --bits 3 model.onnx -o small.onnx
stat -c '"file_bytes": %s' small.onnx | grep -x "$told"
ls small.report.json
wquant -q --bits 3 model.onnx -o q.safetensors
wquant dequantize -q q.safetensors -o back.onnx --like model.onnx
wquant inspect back.onnx
wquant dequantize -q small.onnx
wquant dequantize -q q.safetensors
cmp small.npz q.npz
wquant verify small.onnx
wquant verify --min-correlation 0.9999 small.onnx >/dev/null 2>&1 || echo "below: exit $?"
wquant inspect small.onnx
head -c -1 small.onnx >cut.onnx
wquant verify cut.onnx 2>&1 || echo "damaged: exit $?"
