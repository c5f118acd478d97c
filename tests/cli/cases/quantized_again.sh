# A quantized file is an input like any other, with a warning.
wquant quantized.safetensors --bits 3 >table.txt
test -s quantized.exp3.safetensors
