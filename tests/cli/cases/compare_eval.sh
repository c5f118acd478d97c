# The score of a row is what the command prints last for the model that quantize and dequantize make
# with the row's settings; the first row is the input itself.
cat >score.py <<'END'
import sys
import numpy

model = numpy.load(sys.argv[1])
print("top1", 5, "score:", float(sum(numpy.abs(model[name]).sum() for name in model.files)), "top5 %")
END
score() { /usr/bin/python3 score.py "$1" | sed 's/.*: \(.*\) top5 %/\1/'; }
mkdir tmp "odd 'folder"
cp model.npz "odd 'folder"
for folder in . "odd 'folder"; do
  for jobs in 1 3; do
    TMPDIR="$PWD/$folder" wquant compare "$folder/model.npz" --bits 2-3 --mode linear,exp \
      --target-size 120% --eval '/usr/bin/python3 score.py {}' --eval-jobs "$jobs" --csv >"rows.$jobs.csv"
  done
  cmp rows.1.csv rows.3.csv && echo equal
done
[[ $(sed -n '2s/.*,//p' rows.1.csv) == $(score model.npz) ]] && echo float
rows=0 same=0
while IFS=, read -r size bits mode coding granularity rho lowest name error bytes known ratio all score; do
  [[ $mode == mode || $mode == float ]] && continue
  rows=$((rows + 1))
  if [[ $size ]]; then set -- --target-size "$size"; else set -- --bits "$bits"; fi
  wquant -q --force "$@" --mode "$mode" model.npz -o row.safetensors
  wquant dequantize -q --force row.safetensors -o row.npz
  [[ $(score row.npz) == "$score" && $(stat -c %s row.safetensors) == "$bytes" ]] && same=$((same + 1))
done <rows.1.csv
echo "$same of $rows rows are right"
wquant compare model.npz --bits 3 --eval 'echo 1e2; echo {} >&2'
ls -d wquant-* "odd 'folder"/wquant-* 2>/dev/null || echo nothing left
