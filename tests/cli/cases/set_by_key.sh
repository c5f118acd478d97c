# Rules change single keys; the last match of a key wins; other tensors keep the defaults.
wquant model.npz --set weight:bits=6 --set "^fc:mode=linear,values=midpoint" --set "conv:bits=2"
