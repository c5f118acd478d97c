# The output of a folder lies beside it and has its name, with or without a slash behind.
wquant -q folder/
test -s folder.exp4.safetensors
test -s folder.exp4.report.json
wquant -q folder --bits 2 --mode linear
test -s folder.linear2.safetensors
cd folder
wquant -q . --bits 3
test -s ../folder.exp3.safetensors
