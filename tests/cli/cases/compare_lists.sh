# Lists of granularities, codings and sizes have columns; a size is kept to.
wquant compare model.npz --bits 3-4 --granularity tensor,channel --coding auto --target-size 120%,5kB
wquant compare model.npz --target-size 5kB --json >rows.json
grep -c '"size": "5kB"' rows.json
wquant -q model.npz --target-size 5kB --dry-run --json >size.json
bytes() { grep -m 1 '"file_bytes"' "$1" | tr -dc 0-9; }
[[ $(bytes rows.json) == "$(bytes size.json)" ]] && echo same
wquant compare --threads 1 model.npz --bits 2-6 --mode exp,kmeans --json >one.json
wquant compare --threads 5 model.npz --bits 2-6 --mode exp,kmeans --json >five.json
cmp one.json five.json && echo equal
