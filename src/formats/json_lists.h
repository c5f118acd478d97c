#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace wquant {

/// Follows nested lists as they are read and finds their shape. Throws Error, with the place, for
/// lists that are not rectangular.
class JsonLists {
 public:
  void open();
  void leaf();
  void close();

  /// Lists that are open now.
  [[nodiscard]] std::size_t depth() const { return counts_.size(); }
  /// The shape, once the outermost list is closed; empty for a number without a list.
  [[nodiscard]] std::vector<std::uint64_t> shape() const;
  /// "[1][2]": the element that comes next.
  [[nodiscard]] std::string place() const;

 private:
  void set_rank(std::size_t rank, const char* what);

  std::vector<std::uint64_t> counts_;                  ///< Finished elements of each open list.
  std::vector<std::optional<std::uint64_t>> extents_;  ///< By depth, once a list was closed.
  std::optional<std::size_t> rank_;                    ///< Depth at which the numbers lie.
};

}  // namespace wquant
