# Modes with a number of bits of their own need no --bits; one rule may leave them again.
wquant -q --mode binary model.npz -o b.safetensors
wquant inspect b.safetensors
wquant -q --mode ternary model.npz -o t.safetensors
wquant inspect t.safetensors
wquant --mode pow2 --set fc:mode=kmeans,bits=3 model.npz -o p.safetensors
wquant verify p.safetensors --min-correlation 0.9
wquant dequantize -q p.safetensors -o back.npz
