# Balanced codes take no byte more than others, apart from the words in the header; the report says
# what was done, on which axis, and what was left alone.
wquant model.npz -o auto.safetensors --set half:bits=1
wquant -q model.npz -o channel.safetensors --balance channel
wquant -q model.npz -o off.safetensors --balance off
wquant -q model.npz -o axis.safetensors --set conv:axis=1 --set fc:balance=off
codes() { wquant inspect --json "$1.safetensors" >/dev/null && wquant verify -q "$1.safetensors" && sha256sum "$1.safetensors" | cut -c 1-8; }
for name in auto channel off axis; do codes $name; done | sort -u | wc -l
grep -c '"balance"' off.report.json
strings off.safetensors | grep -c balance || true
strings channel.safetensors | grep -o '"balance":"channel"' | head -1
grep -A 1 '"balance": "kernel"' axis.report.json
wquant --dry-run model.npz --balance off
wquant --dry-run model.npz
