# A page of a comparison, beside the table, never in place of something else.
wquant compare model.npz --bits 2,3 --mode linear,exp --html page.html
grep -c "<!DOCTYPE html>" page.html
wquant compare -q model.npz --bits 2 --html page.html || echo "exists: $?"
wquant compare -q model.npz --bits 2 --html page.html --force && echo "replaced"
wquant compare -q model.npz --bits 2 --html model.npz --force || echo "the input: $?"
wquant compare -q model.npz --bits 2 --html "" || echo "no name: $?"
