# A limit that is met changes nothing; verify agrees with quantize.
wquant -q model.npz --bits 8 --min-correlation 0.999
wquant verify model.exp8.safetensors --min-correlation 0.999
