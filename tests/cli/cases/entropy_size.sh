# Codes at their entropy: a size is met, with the same bytes for any threads, and a plan says that it is a bound.
wquant --coding entropy --dry-run model.npz
wquant -q --coding entropy --target-size 40% model.npz -o aimed.safetensors --threads 1
wquant -q --coding entropy --target-size 40% model.npz -o again.safetensors --threads 3
cmp aimed.safetensors again.safetensors && echo same
wquant -q --coding auto --target-size 60% model.npz -o auto.safetensors
wquant verify auto.safetensors
wquant dequantize -q aimed.safetensors -o back.npz
wquant inspect aimed.safetensors
