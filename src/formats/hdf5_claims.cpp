#include "formats/hdf5.h"
#include "formats/zip_archive.h"

namespace wquant {

bool hdf5_claims(const Probe& probe) {
  constexpr std::string_view kSignature = "\x89HDF\r\n\x1a\n";
  constexpr std::size_t kFirstBlock = 512;  // A user block before it is this long, or 2, 4.. times.
  for (std::size_t at = 0; at < probe.head.size(); at = at == 0 ? kFirstBlock : 2 * at) {
    if (probe.head.substr(at).starts_with(kSignature)) return true;
  }
  return false;
}

bool keras_claims(const Probe& probe) {
  return is_zip(probe.head) && probe.path.extension() == ".keras";
}

}  // namespace wquant
