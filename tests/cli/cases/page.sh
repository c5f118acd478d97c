# A page of the report is written beside the rest, completely or not at all.
wquant -q model.npz -o a.safetensors --html a.html
grep -c "<!DOCTYPE html>" a.html
! wquant -q model.npz -o b.safetensors --html a.html
ls b.safetensors 2>&1 || true
wquant -q model.npz -o b.safetensors --html b.safetensors || echo "the same file: $?"
wquant -q model.npz -o b.safetensors --html b.report.json || echo "the same report: $?"
wquant -q model.npz -o b.safetensors --html nowhere/b.html || echo "no folder: $?"
wquant -q model.npz --force --html model.npz -o b.safetensors || echo "the input: $?"
wquant -q model.npz -o c.safetensors --bits 2 --min-correlation 0.9999 --html c.html || echo "limit: $?"
ls -A | grep -E "^\.?c\." || echo "nothing is left"
