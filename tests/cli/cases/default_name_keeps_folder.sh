# The output lies beside the input, not in the current folder; only the last extension goes.
mkdir -p deep
cp model.npz deep/my.model.v2.npz
before=$(ls)
wquant -q deep/my.model.v2.npz
test "$before" = "$(ls)"
ls deep
