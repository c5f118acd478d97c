# Replacing through a symbolic link replaces its target and keeps the link and the permissions.
chmod 600 old.safetensors
ln -s old.safetensors link.safetensors
wquant -q model.npz -o link.safetensors --force
test -L link.safetensors
stat -c %a old.safetensors
wquant verify old.safetensors
