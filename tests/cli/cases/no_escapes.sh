# Nothing is coloured where no terminal is.
export TERM=xterm-256color
wquant model.npz >out.txt 2>&1
wquant --bits 9 model.npz >>out.txt 2>&1 || true
wquant --help >>out.txt
! grep -q "$(printf "\033")" out.txt
