# A reader that goes away is an error, not a death by signal.
{ code=0; wquant inspect model.npz || code=$?; echo "code $code" >&2; } | true
