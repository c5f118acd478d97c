# The dry run says the size to the byte, also for existing outputs, and reads no weight.
wquant -q model.npz -o out.safetensors --set fc:bits=7
size=$(stat -c %s out.safetensors)
wquant --dry-run --json model.npz -o out.safetensors --set fc:bits=7 | grep "\"file_bytes\": $size,"
wquant --dry-run nan.npz
