# The exact search is a setting like the others: as an option, in rules, in the report and the file.
wquant model.npz --search exact --set "^fc:search=auto,values=midpoint" --json -o a.safetensors >a.json
wquant verify a.safetensors
grep -c '"search": *"exact"' a.json
grep -ao '"search":"exact"' a.safetensors
