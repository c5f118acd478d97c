# A model of several files is quantized into as many, which hold what one file holds.
wquant dequantize -q quantized.safetensors -o net --shard-size 2kB
wquant -q net --bits 3
wquant -q net --bits 3 -o one.safetensors
ls net/*.safetensors | wc -l
ls net.exp3/*.safetensors | wc -l
test -s net.exp3.report.json
wquant verify net.exp3
wquant verify net.exp3/model-00001-of-*
wquant dequantize -q net.exp3/ -o several.npz
wquant dequantize -q one.safetensors -o one.npz
cmp several.npz one.npz && echo "same weights"
wquant -q net/model.safetensors.index.json --bits 3 --shard-size 0.2kB -o small
test "$(ls small | wc -l)" -gt "$(ls net.exp3 | wc -l)" && echo "more files"
wquant --dry-run --bits 3 --shard-size 500 model.npz -o parts | grep bytes
wquant -q --bits 3 --shard-size 500 model.npz -o parts/
cat parts/* | wc -c
wquant dequantize parts/model-00001-of-* -o some.npz
wquant --json --target-size 6.5kB --shard-size 500 model.npz -o budget >budget.json
test "$(cat budget/* | wc -c)" -le "$(grep -o '"target_bytes": [0-9]*' budget.json | grep -o '[0-9]*')" && echo "fits"
rm net.exp3/model-00002-of-*
wquant verify net.exp3 || echo "exit $?"
