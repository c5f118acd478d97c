# With stdout closed the run fails, but what it wrote is whole: no result goes into another file.
status=0
wquant model.npz -o out.safetensors >&- || status=$?
wquant verify out.safetensors
wquant -q model.npz -o good.safetensors
cmp out.safetensors good.safetensors
exit $status
