#include "formats/json_lists.h"

#include <fmt/format.h>

#include "wquant/error.h"

namespace wquant {
namespace {

constexpr std::size_t kMaxDimensions = 64;

}  // namespace

void JsonLists::open() {
  if (rank_ && depth() >= *rank_) {
    throw Error(fmt::format("its lists are ragged: a list at {} where a number belongs", place()));
  }
  if (depth() == kMaxDimensions) {
    throw Error(fmt::format("its lists are nested more than {} deep", kMaxDimensions));
  }
  counts_.push_back(0);
  if (extents_.size() < counts_.size()) extents_.emplace_back();
}

void JsonLists::leaf() {
  set_rank(depth(), "a number");
  if (!counts_.empty()) ++counts_.back();
}

void JsonLists::close() {
  const std::uint64_t count = counts_.back();
  if (count == 0) set_rank(depth(), "an empty list");
  std::optional<std::uint64_t>& extent = extents_[depth() - 1];
  counts_.pop_back();
  if (extent && *extent != count) {
    throw Error(
        fmt::format("its lists are ragged: the one at {} has {} elements, the ones before "
                    "have {}",
                    place(), count, *extent));
  }
  extent = count;
  if (!counts_.empty()) ++counts_.back();
}

std::vector<std::uint64_t> JsonLists::shape() const {
  std::vector<std::uint64_t> shape;
  for (const auto& extent : extents_) shape.push_back(extent.value_or(0));
  return shape;
}

std::string JsonLists::place() const {
  std::string text;
  for (const std::uint64_t count : counts_) text += fmt::format("[{}]", count);
  return text.empty() ? "the top" : text;
}

void JsonLists::set_rank(std::size_t rank, const char* what) {
  if (!rank_) rank_ = rank;
  if (*rank_ != rank) {
    throw Error(fmt::format("its lists are ragged: {} at {} where {} belongs", what, place(),
                            rank < *rank_ ? "a list" : "a number"));
  }
}

}  // namespace wquant
