#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace wquant {

/// The dictionary in the header of a .npy file.
struct NpyDict {
  std::string descr;  ///< "<f4"
  bool fortran_order = false;
  std::vector<std::uint64_t> shape;
};

/// Parses the text of a .npy header: a Python literal like
///   {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
/// Throws Error for anything but these three keys, once each, with values of these types.
///
/// A parser of its own because no library reads Python literals, and the format needs only this
/// corner of them: no escapes, no nesting, no arithmetic, so nothing in a file can be executed.
NpyDict parse_npy_dict(std::string_view text);

}  // namespace wquant
