# With --nonfinite keep a tensor is kept; --strict does not allow it. Nothing is written.
wquant -q --nonfinite keep nan.npz -o kept.safetensors
wquant inspect kept.safetensors --json
wquant --strict --nonfinite keep nan.npz
