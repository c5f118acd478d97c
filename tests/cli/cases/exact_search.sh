# The exact search is a setting like the others: as an option, in rules, in the report and the file.
wquant model.npz --search exact --set "^fc:search=auto,values=midpoint" -o a.safetensors
wquant verify a.safetensors
grep '"search": "exact"' a.report.json
tr '\\' ' ' <a.safetensors | grep -aoE 'search *":[^,]*exact'
