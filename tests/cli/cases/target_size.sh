# A size is met, by giving tensors different bits; rules and what is kept are left as they are.
wquant -q --bits 4 model.npz -o even.safetensors
size=$(stat -c %s even.safetensors)
wquant -q --target-size "${size}B" model.npz -o aimed.safetensors
(($(stat -c %s aimed.safetensors) <= size)) && echo fits
wquant --target-size 95% --set 'fc:bits=3' model.npz -o ruled.safetensors
wquant -q --target-size 300% --mode ternary model.npz -o three.safetensors
wquant --avg-bits 60 --dry-run model.npz
