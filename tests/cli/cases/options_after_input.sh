# Options may stand before and behind the input and be written with an equals sign.
wquant -q model.npz --bits=3 --mode=linear --output=a.safetensors
wquant -q --mode linear --bits 3 -o b.safetensors -- model.npz
wquant quantize --bits 3 -q -o c.safetensors model.npz --mode linear
cmp a.safetensors b.safetensors
cmp a.safetensors c.safetensors
