# Several files hold what one holds, none larger than asked for.
wquant dequantize -q quantized.safetensors -o whole.safetensors
wquant dequantize -q quantized.safetensors -o parts --shard-size 2kB
ls parts
wquant dequantize -q quantized.safetensors -o parts --shard-size 2kB 2>&1 || echo "exit $?"
wquant dequantize -q quantized.safetensors -o parts --shard-size "1 GB" --force
ls parts | wc -l
wquant inspect whole.safetensors | grep -v safetensors: | sort >whole.txt
wquant inspect parts | grep -v parts: | sort >parts.txt
cmp whole.txt parts.txt && echo same
