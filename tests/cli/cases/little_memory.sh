# Where memory is short, threads that cannot be started are done without, and the rest is a message.
wquant -q --bits 3 big.npz -o plain.safetensors
(ulimit -s 1000000 -v 2500000 && wquant -q --bits 3 --threads 8 big.npz -o fewer.safetensors)
cmp plain.safetensors fewer.safetensors && echo "same bytes"
code=0
(ulimit -v 150000 && wquant -q --bits 3 --threads 64 big.npz -o none.safetensors) || code=$?
echo "short $code"
truncate -s 3G large.json
code=0
(ulimit -v 1000000 && wquant inspect large.json) || code=$?
echo "large $code"
test -e none.safetensors || test -n "$(find . -name '.wquant-*')" || echo clean
