#pragma once

#include <cstddef>

#include "formats/zip_archive.h"

namespace wquant {

/// The member of a .keras archive that holds the weights. Throws Error when there is none.
std::size_t find_keras_weights(const ZipArchive& archive);

}  // namespace wquant
