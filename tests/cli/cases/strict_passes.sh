# Whole numbers and tensors of one dimension do not matter to --strict.
wquant -q --strict model.npz
