# Weights that are exactly 0 stay 0 where they are many, or wherever that is asked for: with a bit
# mask where that is smaller than a level for them, as in w.
cat >pruned.json <<'JSON'
{"w": [[0, 0.5, 0, -0.25], [0.75, 0, -1, 0], [0, 0.1, -0.3, 0], [0.9, 0, 0.4, 0]],
 "v": [[0, 0.5, 0.3, -0.25], [0.75, 0.35, -1, 0.7], [0.2, 0.1, -0.3, 0.6], [0.9, -0.1, 0.4, 0.8]]}
JSON
zeros() { wquant dequantize -q --force q.safetensors -o back.json && tr ',[]' '\n\n\n' <back.json | grep -cE '^ *0(\.0)? *$' || true; }
for zero in auto keep off; do
  wquant -q --force pruned.json -o q.safetensors --bits 3 --zero $zero --rescale none --balance off
  wquant verify q.safetensors --against pruned.json >/dev/null
  echo "$zero $(zeros) level $(grep -c zero_level q.report.json || true) mask $(grep -c zero_mask q.report.json || true) option $(grep -a -c '\\"zero\\"' q.safetensors || true)"
done
wquant pruned.json -o r.safetensors --set w:zero=keep
wquant inspect r.safetensors
for options in "--bits 1" "--bits 1 --granularity group:8" "--bits 2 --search exact"; do
  lost=$(wquant pruned.json -o s.safetensors --force $options | grep '^zeros')
  echo "$options: $lost, $(grep -c zero_lost s.report.json)"
done
