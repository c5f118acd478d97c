# The same bytes for any number of threads, any kernels and in every run.
wquant -q --bits 3 model.npz -o a.safetensors
for threads in 1 2 3 7; do
  for kernels in scalar ''; do
    WQUANT_KERNELS=$kernels wquant -q --force --bits 3 --threads $threads model.npz -o a2.safetensors
    cmp a.safetensors a2.safetensors
    diff <(sed 's/a2\.safe/a.safe/' a2.report.json) a.report.json
  done
done
WQUANT_KERNELS=mmx wquant --version
