# -v lists the kept tensors one by one with their reasons.
wquant -v model.npz 2>log.txt
grep -q "npz, 7 tensors" log.txt
