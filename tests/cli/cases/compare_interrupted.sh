# An interrupt ends the commands and leaves nothing behind.
mkdir tmp
export TMPDIR=$PWD/tmp
wquant compare model.npz --bits 3-4 --eval-jobs 2 --eval 'echo $$ >>pids; sleep 50 & sleep 50; : {}' &
for ((i = 0; i < 500; ++i)); do
  [[ -e pids && $(wc -l <pids) == 2 ]] && break
  sleep 0.05
done
kill -TERM $!
wait $! || echo "exit $?"
sleep 0.2
find tmp -mindepth 1 | wc -l
while read -r group; do pgrep -r D,R,S,T -g "$group" || echo gone; done <pids
