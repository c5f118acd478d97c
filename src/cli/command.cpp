#include "cli/command.h"

#include <array>

namespace wquant {
namespace {

constexpr std::array<Command, 7> kCommands = {{
    {"quantize", "quantize a model's weights (the default command)", run_quantize},
    {"dequantize", "turn a quantized file back into a float model", run_dequantize},
    {"compare", "compare settings: how good and how small each would be", run_compare},
    {"inspect", "list the tensors of a model or of a quantized file", run_inspect},
    {"verify", "check that a quantized file is whole and good enough", run_verify},
    {"prune", "remove the weights that a model needs least", run_prune},
    {"formats", "list the file formats", run_formats},
}};

}  // namespace

std::span<const Command> commands() { return kCommands; }

}  // namespace wquant
