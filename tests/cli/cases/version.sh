# Version and help come from the same words everywhere.
wquant --version
wquant -h
wquant help
