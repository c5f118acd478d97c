# A line of bars for every tensor, in blocks where the locale has them.
LC_ALL=C.UTF-8 wquant inspect model.npz --histogram >blocks.txt
LC_ALL=C wquant inspect model.npz --histogram >ascii.txt
LC_ALL=C.UTF-8 wquant inspect quantized.safetensors --histogram >quantized.txt
wquant inspect model.npz --histogram --json >histograms.json
grep -c "█" blocks.txt quantized.txt
LC_ALL=C grep -c "[^ -~]" ascii.txt || echo "plain"
grep -E "^tensor" ascii.txt
! cat blocks.txt ascii.txt quantized.txt | LC_ALL=C.UTF-8 grep -E "^.{101}" >&2
grep -c '"counts"' histograms.json
cat ascii.txt
