# What the standard library cannot do is a message of one line, too.
mkdir gone
cd gone
rmdir ../gone
wquant --bits 3 .
