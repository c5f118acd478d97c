#include "cli/run.h"

int main(int argc, char** argv) { return wquant::run(argc, argv); }
