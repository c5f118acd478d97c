# Lists of granularities, codings and sizes have columns; a size is kept to.
wquant compare model.npz --bits 3-4 --granularity tensor,channel --coding auto --target-size 120%,4kB
wquant compare model.npz --target-size 4kB --json >rows.json
grep -c '"size": "4kB"' rows.json
wquant -q model.npz --target-size 4kB --dry-run --json >size.json
[[ $(grep -m 1 '"file_bytes"' rows.json) == $(grep -m 1 '"file_bytes"' size.json) ]] && echo same
wquant compare --threads 1 model.npz --bits 2-6 --mode exp,kmeans --json >one.json
wquant compare --threads 5 model.npz --bits 2-6 --mode exp,kmeans --json >five.json
cmp one.json five.json && echo equal
