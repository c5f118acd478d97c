# Balanced codes take no more bytes than others. The report says what was done, on which axis, and
# what was left alone; without it nothing of it is in the file.
wquant model.npz -o auto.safetensors --all
wquant -q model.npz -o channel.safetensors --balance channel
wquant -q model.npz -o off.safetensors --balance off
wquant -q model.npz -o axis.safetensors --set conv:axis=1 --set fc:balance=off
for name in auto channel off axis; do wquant verify -q $name.safetensors; done
size() { stat -c %s $1.safetensors; }
test $(($(size channel) - $(size off))) -lt 300 && echo as small
grep -a -c balance off.safetensors || true
grep -a -o '\\"balance\\":\\"channel\\",\\"axis\\":0' channel.safetensors | head -1
grep -A 1 '"balance": "kernel"' axis.report.json
grep -c '"balance": "off"' axis.report.json
wquant model.onnx --dry-run
wquant model.onnx --dry-run --axis 1
