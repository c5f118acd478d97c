# A size chooses among lists of modes and granularities, a least correlation the smallest file that
# has it; weights of tensors say whose error counts, those of --set before those of the file.
wquant model.npz -o lists.safetensors --target-size 115% --mode linear,exp,kmeans \
  --granularity tensor,channel,group:32
(($(stat -c %s lists.safetensors) <= 4576 * 115 / 100)) && echo fits
wquant verify -q lists.safetensors
wquant -q model.npz -o least.safetensors --mode exp,kmeans --min-correlation 0.99
wquant verify -q least.safetensors --min-correlation 0.99 && echo good
echo '{"fc.weight": 0.001, "conv.weight": 2}' >weights.json
bits_of() { sed -n "/\"name\": \"$1\"/,/\"bits\"/s/.*\"bits\": \([0-9]*\).*/\1/p" "$2"; }
wquant -q model.npz -o even.safetensors --coding fixed --avg-bits 32
wquant -q model.npz -o weighed.safetensors --coding fixed --avg-bits 32 --weights weights.json
wquant -q model.npz -o ruled.safetensors --coding fixed --avg-bits 32 --weights weights.json \
  --set 'fc.weight:weight=1' --set 'conv.weight:weight=1'
(($(bits_of fc.weight weighed.report.json) < $(bits_of fc.weight even.report.json))) && echo fewer
[[ $(bits_of fc.weight ruled.report.json) == $(bits_of fc.weight even.report.json) ]] && echo same
