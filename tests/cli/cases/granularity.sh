# Scales of channels and of groups: what the report, the metadata and verify say of them.
wquant model.npz -o channel.safetensors --granularity channel
wquant -q model.npz -o axis.safetensors --include fc.weight --granularity channel:1
wquant model.npz -o group.safetensors --granularity group:64
wquant -q model.npz -o rule.safetensors --set 'fc.weight:granularity=group:64'
for name in channel axis group rule; do wquant verify -q $name.safetensors; done
grep -c '"granularity": "channel"' channel.report.json
grep -A 5 '"granularity": "channel"' axis.report.json
grep -A 2 '"granularity": "group"' rule.report.json
grep -c '"granularity": "tensor"' rule.report.json
wquant dequantize rule.safetensors -o back.npz -q && wquant inspect back.npz
