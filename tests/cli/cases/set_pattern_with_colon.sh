# The rule ends at its last colon: a pattern may hold others.
wquant model.npz --set "(?:fc|conv).weight:bits=6"
