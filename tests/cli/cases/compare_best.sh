# The smallest file that holds the score is named and written, as quantize writes it.
cat >score.sh <<'END'
# The input has 90, what became of 2 bits 70, of more 89.5.
if [ "$1" = model.npz ]; then echo 90; exit; fi
bits=$(/usr/bin/python3 -c 'import numpy, sys
print(len(numpy.unique(numpy.load(sys.argv[1])["fc.weight"])))' "$1")
[ "$bits" -le 4 ] && echo 70 || echo 89.5
END
wquant compare model.npz --bits 2-5 --eval 'sh score.sh {}' --max-drop 0.5 --write-best best.safetensors
wquant -q --bits 3 model.npz -o three.safetensors
cmp best.safetensors three.safetensors && echo same
wquant compare model.npz --bits 2-3 --eval 'sh score.sh {}' --at-least 89.5 --json | grep '"best"'
wquant compare model.npz --bits 2-5 --eval 'sh score.sh {}' --max-drop 0.4
