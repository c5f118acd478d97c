# Every row tells the size of the file that quantize writes and the correlation that it has.
wquant compare model.npz --bits 2,3-4 --mode linear,exp,ternary --balance off --csv >rows.csv
member() { sed -n "s/^ *\"$1\": \([^,]*\),*$/\1/p" row.report.json | tail -n 1; }
rows=0 same=0
while IFS=, read -r size bits mode coding granularity rho lowest name error bytes known rest; do
  [[ $bits == bits ]] && continue
  rows=$((rows + 1))
  wquant -q --force --bits "$bits" --mode "$mode" --balance off model.npz -o row.safetensors
  [[ $(stat -c %s row.safetensors) == "$bytes" && $known == true && $(member mean_rho) == "$rho" &&
    $(member lowest_rho) == "$lowest" && $size$coding$granularity == fixedtensor ]] && same=$((same + 1))
done <rows.csv
echo "$same of $rows rows are right"
wquant compare model.npz
