#include "formats/like.h"

#include <fmt/format.h>

#include <string_view>
#include <unordered_map>

#include "wquant/error.h"

namespace wquant {
namespace {

std::string form_of(const TensorInfo& info) {
  return fmt::format("{} {}", name_of(info.dtype), shape_text(info.shape));
}

void check_form(const TensorInfo& own, const TensorInfo& other) {
  if (own.shape == other.shape && own.dtype == other.dtype) return;
  throw Error(
      fmt::format("is {} here and {} in the file to write like", form_of(own), form_of(other)))
      .at_tensor(own.name);
}

}  // namespace

std::vector<std::size_t> match_tensors(const ModelReader& model,
                                       std::span<const TensorInfo> tensors) {
  std::unordered_map<std::string_view, std::size_t> left;
  for (std::size_t i = 0; i < model.tensors().size(); ++i) left[model.tensors()[i].name] = i;
  std::vector<std::size_t> match;
  for (const TensorInfo& info : tensors) {
    const auto found = left.find(info.name);
    if (found == left.end()) {
      throw Error("is in the file to write like only", "give the file that was quantized")
          .at_tensor(info.name);
    }
    check_form(model.tensors()[found->second], info);
    match.push_back(found->second);
    left.erase(found);
  }
  for (const TensorInfo& info : model.tensors()) {
    if (!left.contains(info.name)) continue;
    throw Error("is not in the file to write like", "give the file that was quantized")
        .at_tensor(info.name);
  }
  return match;
}

}  // namespace wquant
