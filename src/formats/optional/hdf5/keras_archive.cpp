#include "formats/optional/hdf5/keras_archive.h"

#include <string_view>

#include "wquant/error.h"

namespace wquant {

std::size_t find_keras_weights(const ZipArchive& archive) {
  constexpr std::string_view kWeights = "model.weights.h5";
  for (std::size_t i = 0; i < archive.members().size(); ++i) {
    if (archive.members()[i].name == kWeights) return i;
  }
  throw Error("holds no model.weights.h5", "is it a model that Keras saved?");
}

}  // namespace wquant
