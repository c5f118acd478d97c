# A model that is kept whole is no failure, but it is said.
wquant biases.npz
