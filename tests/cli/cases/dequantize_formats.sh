# Every format that can be written holds the model; the default name follows the format.
for format in npz npy-folder json safetensors pytorch; do
  wquant dequantize -q quantized.safetensors --format $format
done
ls -d quantized*
for file in quantized.npz quantized quantized.json quantized.pt quantized.float.safetensors; do
  wquant inspect $file | grep "^conv.weight"
done
