# Names that could be taken for options or hold blanks and quotes.
cp model.npz ./-model.npz
cp model.npz "a model's file.npz"
wquant -q ./-model.npz
wquant -q -- -model.npz --force 2>/dev/null || echo "after -- all are names"
wquant -q "a model's file.npz"
ls
