# A loop whose target, loss or state folder is not what it should be says so; what is whole goes on.
regression=$(dirname "$0")/../regression.py
/usr/bin/python3 "$regression" new start.npz y.npy
train="/usr/bin/python3 '$regression' train {weights} {mask} {target} {output}"
loop() {
  local name=$1 code=0
  shift
  wquant prune start.npz --train "$train" -o pruned.npz --force --rounds 1 -q "$@" || code=$?
  echo "$name $code"
}
good=(--evaluate "/usr/bin/python3 '$regression' loss {}" --target y.npy)
loop several --state several --evaluate 'echo 1 {}' --target model.npz
loop infinite --state infinite --evaluate ': {}; echo nan' --target y.npy
loop whole --state whole "${good[@]}"
loop again --state whole "${good[@]}"
damage() {
  local name=$1
  cp -r whole "$name"
  sed -i "$2" "$name/state.json"
  loop "$name" --state "$name" "${good[@]}"
}
damage cut '3,$d'
damage versionless 's/"state_version": 1/"state_version": "one"/'
damage lossless 's/"zeros_before"/"zeros_behind"/'
damage lacking '/"seed"/d'
reshape="/usr/bin/python3 -c 'import numpy, sys; m = dict(numpy.load(sys.argv[1])); numpy.savez(sys.argv[2], **dict(m, w=m[\"w\"].T))'"
train="$reshape {weights} {output}; : {mask} {target}"
loop reshaped --state reshaped "${good[@]}"
