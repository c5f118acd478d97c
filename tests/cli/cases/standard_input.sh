# A pipe does as well as a file, for every format that tells its content; nothing stays behind.
wquant -q model.npz -o file.safetensors
mkdir tmp
cat model.npz | TMPDIR=$PWD/tmp wquant -q - -o pipe.safetensors
cmp file.safetensors pipe.safetensors
ls -A tmp
wquant dequantize -q file.safetensors -o float.safetensors
wquant -q float.safetensors -o named.safetensors
wquant -q - -o piped.safetensors <float.safetensors
cmp named.safetensors piped.safetensors
printf 'no model' | TMPDIR=$PWD/tmp wquant - -o none.safetensors || echo "code $?" >&2
test -e none.safetensors || test -n "$(ls -A tmp)" || echo clean
